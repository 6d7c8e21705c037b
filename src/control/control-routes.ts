import type { NodeApi } from '../node/node-api.ts'
import {
  folderOfQuery,
  parseAddFolder,
  parseFolderGuard,
  parseFolderPaused,
  parseHeldDecision,
  parseLimitChange,
  parsePeerPaused,
  parseScrub,
} from './parse-request.ts'
import { RequestProblem } from './request-problem.ts'

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
      DELETE: async (api: NodeApi, { query }: RouteRequest) => api.removeFolder(folderOfQuery(query)),
    },
  ],
  [
    '/v1/key',
    { GET: async (api: NodeApi, { query }: RouteRequest) => ({ key: await api.folderKey(folderOfQuery(query)) }) },
  ],
  [
    '/v1/folders/paused',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => {
        const { path, paused } = parseFolderPaused(body)
        await api.setFolderPaused(path, paused)
      },
    },
  ],
  [
    '/v1/folders/held',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => {
        const { path, decision } = parseHeldDecision(body)
        return api.decideHeld(path, decision)
      },
    },
  ],
  [
    '/v1/folders/guard',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => {
        const { path, limits } = parseFolderGuard(body)
        await api.setGuard(path, limits)
      },
    },
  ],
  [
    '/v1/folders/scrub',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => {
        const { path, action } = parseScrub(body)
        return api.scrub(path, action)
      },
    },
  ],
  [
    '/v1/peers/paused',
    {
      POST: async (api: NodeApi, { body }: RouteRequest) => {
        const { peer, paused } = parsePeerPaused(body)
        return api.setPeerPaused(peer, paused)
      },
    },
  ],
  [
    '/v1/limits',
    {
      GET: async (api: NodeApi) => api.limits(),
      POST: async (api: NodeApi, { body }: RouteRequest) => api.setLimits(parseLimitChange(body)),
    },
  ],
  ['/v1/stop', { POST: async (api: NodeApi) => api.stop() }],
  ['/v1/events', { GET: 'events' as const }],
])
