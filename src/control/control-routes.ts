import { isAbsolute } from 'node:path'
import { P2psyncError } from '../model/errors.ts'
import type { AddFolderRequest, NodeApi } from '../node/node-api.ts'

/** What answers one request; `events` streams until the caller goes. */
export type Route =
  | { readonly kind: 'events' }
  | {
      readonly kind: 'call'
      readonly query: URLSearchParams
      readonly answer: (api: NodeApi, request: RouteRequest) => unknown
    }

interface RouteRequest {
  readonly query: URLSearchParams
  /** The parsed JSON, or undefined when there was no body. */
  readonly body: unknown
}

/** A request that no client of ours makes. */
export class RequestProblem extends P2psyncError {
  readonly status: number

  constructor(status: number, message: string) {
    super('usage', message)
    this.status = status
  }
}

/**
 * The route of a request; names are exact.
 *
 * @throws {RequestProblem} 404 for an unknown address, 405 for a known one with another method.
 */
export function findRoute(method: string, address: string): Route {
  const url = new URL(address.startsWith('/') ? address : '/', 'http://p2psync')
  const methods = routes.get(url.pathname)
  if (methods === undefined) throw new RequestProblem(404, 'there is no such address')
  const answer = methods[method]
  if (answer === undefined) throw new RequestProblem(405, 'this address does not take this method')
  return answer === 'events' ? { kind: 'events' } : { kind: 'call', query: url.searchParams, answer }
}

type Answer = (api: NodeApi, request: RouteRequest) => unknown

const routes: ReadonlyMap<string, Readonly<Record<string, Answer | 'events'>>> = new Map([
  ['/v1/info', { GET: (api: NodeApi) => api.info() }],
  ['/v1/status', { GET: async (api: NodeApi) => api.status() }],
  ['/v1/peers', { GET: async (api: NodeApi) => api.peers() }],
  [
    '/v1/folders',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => api.addFolder(parseAddFolder(body)),
      DELETE: async (api: NodeApi, { query }: RouteRequest) => api.removeFolder(folderPath(query)),
    },
  ],
  [
    '/v1/key',
    { GET: async (api: NodeApi, { query }: RouteRequest) => ({ key: await api.folderKey(folderPath(query)) }) },
  ],
  ['/v1/stop', { POST: async (api: NodeApi) => api.stop() }],
  ['/v1/events', { GET: 'events' as const }],
])

function folderPath(query: URLSearchParams): string {
  const path = query.get('path')
  if (path === null || [...query].length !== 1) throw new RequestProblem(400, 'the query must be path=<folder>')
  return absolutePath(path)
}

function parseAddFolder(body: unknown): AddFolderRequest {
  if (typeof body !== 'object' || body === null) throw new RequestProblem(400, 'the body must be a JSON object')
  const { path, key, relink, ...others } = body as Record<string, unknown>
  if (Object.keys(others).length > 0) throw new RequestProblem(400, 'the body has a field that is not known')
  if (typeof path !== 'string') throw new RequestProblem(400, '"path" must be text')
  if (key !== null && typeof key !== 'string') throw new RequestProblem(400, '"key" must be text or null')
  if (typeof relink !== 'boolean') throw new RequestProblem(400, '"relink" must be true or false')
  return { path: absolutePath(path), key, relink }
}

function absolutePath(path: string): string {
  if (!isAbsolute(path) || path.includes('\0')) throw new RequestProblem(400, 'a folder must be an absolute path')
  return path
}
