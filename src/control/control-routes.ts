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
type Methods = Readonly<Record<string, Answer | 'events'>>

/** A route that does what the parsed body asks for. What cannot be parsed rejects, as what fails does. */
function post<Asked>(parse: (body: unknown) => Asked, act: (api: NodeApi, asked: Asked) => Promise<unknown>): Methods {
  return { POST: async (api, { body }) => act(api, parse(body)) }
}

const routes: ReadonlyMap<string, Methods> = new Map<string, Methods>([
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
  ['/v1/folders/paused', post(parseFolderPaused, (api, { path, paused }) => api.setFolderPaused(path, paused))],
  ['/v1/folders/held', post(parseHeldDecision, (api, { path, decision }) => api.decideHeld(path, decision))],
  ['/v1/folders/guard', post(parseFolderGuard, (api, { path, limits }) => api.setGuard(path, limits))],
  ['/v1/folders/scrub', post(parseScrub, (api, { path, action }) => api.scrub(path, action))],
  ['/v1/peers/paused', post(parsePeerPaused, (api, { peer, paused }) => api.setPeerPaused(peer, paused))],
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
