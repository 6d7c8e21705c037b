import type { ServerResponse } from 'node:http'
import type { NodeApi } from '../node/node-api.ts'

/**
 * Writes each event as one line of JSON until the client goes. One that reads too slowly is cut off: it must not make
 * the node hold its backlog.
 */
export function streamEvents(api: NodeApi, response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.flushHeaders()
  const unsubscribe = api.subscribe((event) => {
    response.write(`${JSON.stringify(event)}\n`)
    if (response.writableLength > backlogBytesMax) response.destroy()
  })
  response.once('close', unsubscribe)
}

const backlogBytesMax = 1024 * 1024
