import { request as httpRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { controlSocketPath } from '../../src/node/control-socket.ts'
import { ControlWorld } from './control-world.ts'

let world: ControlWorld
beforeEach(async () => {
  world = await ControlWorld.make()
})
afterEach(() => world.remove())

async function raw(options: {
  method: string
  path: string
  body?: string
  type?: string
}): Promise<{ status: number; body: { code?: string; message?: string; hint?: string } }> {
  const socketPath = await controlSocketPath(world.home)
  const answer = Promise.withResolvers<{ status: number; body: { code?: string } }>()
  const headers = { 'content-type': options.type ?? 'application/json' }
  const request = httpRequest({ socketPath, path: options.path, method: options.method, headers }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => (text += chunk))
    response.on('end', () =>
      answer.resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as { code?: string } }),
    )
  })
  request.on('error', answer.reject)
  request.end(options.body)
  return answer.promise
}

describe('requests that no client of ours makes', () => {
  it.each([
    ['GET', '/v1/nothing', undefined, 404],
    ['GET', '/', undefined, 404],
    ['GET', '/v1/../v1/stop', undefined, 405],
    ['POST', '/v1/status', undefined, 405],
    ['POST', '/v1/folders', undefined, 400],
    ['POST', '/v1/folders', '[]', 400],
    ['POST', '/v1/folders', '{"path":', 400],
    ['POST', '/v1/folders', '{"path":"relative","key":null,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":7,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":"yes"}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"more":1}', 400],
    ['POST', '/v1/folders', '{"path":"/a\\u0000","key":null,"relink":false}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"order":{"first":"*.md"}}', 400],
    ['POST', '/v1/folders', '{"path":"/a","key":null,"relink":false,"order":{"middle":[]}}', 400],
    ['POST', '/v1/folders/paused', '{"path":"/a","paused":1}', 400],
    ['POST', '/v1/folders/paused', '{"path":"a","paused":true}', 400],
    ['POST', '/v1/folders/scrub', '{"path":"/a","action":"begin"}', 400],
    ['POST', '/v1/folders/scrub', '{"path":"/a","action":{"everyDays":-1}}', 400],
    ['POST', '/v1/peers/paused', '{"peer":7,"paused":true}', 400],
    ['POST', '/v1/limits', '{"up":-1}', 400],
    ['POST', '/v1/limits', '{"up":"2MiB"}', 400],
    ['POST', '/v1/limits', '{"schedule":"sat up=none"}', 400],
    ['POST', '/v1/limits', '{"sideways":1024}', 400],
    ['DELETE', '/v1/folders', undefined, 400],
    ['DELETE', '/v1/folders?path=a', undefined, 400],
    ['GET', '/v1/key?path=/a&path=/b', undefined, 400],
  ])('refuses %s %s %s with %i', async (method, path, body, status) => {
    const { node } = await world.serve()
    const answer = await raw(body === undefined ? { method, path } : { method, path, body })
    expect(answer).toMatchObject({ status, body: { code: 'usage' } })
    expect(node.requests).toEqual([])
  })

  it('refuses a body that is not declared as JSON', async () => {
    await world.serve()
    const body = '{"path":"/a","key":null,"relink":false}'
    expect(await raw({ method: 'POST', path: '/v1/folders', body, type: 'text/plain' })).toMatchObject({ status: 415 })
  })

  it('refuses a body above 64 KiB', async () => {
    const { node } = await world.serve()
    const body = JSON.stringify({ path: `/${'a'.repeat(64 * 1024)}`, key: null, relink: false })
    expect(await raw({ method: 'POST', path: '/v1/folders', body })).toMatchObject({ status: 413 })
    expect(node.requests).toEqual([])
  })
})
