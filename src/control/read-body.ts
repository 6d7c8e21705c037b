import type { IncomingMessage } from 'node:http'
import { requestBytesMax } from './control-protocol.ts'
import { RequestProblem } from './request-problem.ts'

/**
 * The JSON of a request, or undefined when it has no body.
 *
 * @throws {RequestProblem} 413 above 64 KiB, 415 for another content type, 400 for what is no JSON.
 */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  // The socket stays open for the answer when the rest is not read.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength
    if (sizeBytes > requestBytesMax) throw new RequestProblem(413, 'the request is larger than 64 KiB')
    chunks.push(chunk)
  }
  if (sizeBytes === 0) return undefined
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/json(;|$)/.test(type)) throw new RequestProblem(415, 'the request must be application/json')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch {
    throw new RequestProblem(400, 'the request is no JSON')
  }
}
