import { isAbsolute } from 'node:path'
import { isPatternList } from '../model/folder-order.ts'
import { isGuardLimits, type GuardLimits } from '../model/guard-limits.ts'
import { isScrubAction, type ScrubAction } from '../model/scrub-status.ts'
import { isTransferRate } from '../model/transfer-rate.ts'
import type { AddFolderRequest, HeldDecision, LimitChange } from '../node/node-api.ts'
import { RequestProblem } from './request-problem.ts'

/** The folder that a query of one `path=` names. All of these throw {@link RequestProblem} for what is anything else. */
export function folderOfQuery(query: URLSearchParams): string {
  const path = query.get('path')
  if (path === null || [...query].length !== 1) throw new RequestProblem(400, 'the query must be path=<folder>')
  return absolutePath(path)
}

export function parseAddFolder(body: unknown): AddFolderRequest {
  const { path, key, relink, order } = fieldsOf(body, ['path', 'key', 'relink', 'order'])
  if (key !== null && typeof key !== 'string') throw new RequestProblem(400, '"key" must be text or null')
  if (typeof relink !== 'boolean') throw new RequestProblem(400, '"relink" must be true or false')
  const request = { path: absolutePath(path), key, relink }
  return order === undefined ? request : { ...request, order: parseOrder(order) }
}

function parseOrder(value: unknown): NonNullable<AddFolderRequest['order']> {
  const order = fieldsOf(value, ['first', 'last'])
  if (Object.values(order).every(isPatternList)) return order
  throw new RequestProblem(400, '"order" must have lists of patterns')
}

export function parseFolderPaused(body: unknown): { readonly path: string; readonly paused: boolean } {
  const { path, paused } = fieldsOf(body, ['path', 'paused'])
  return { path: absolutePath(path), paused: flag(paused) }
}

export function parseHeldDecision(body: unknown): { readonly path: string; readonly decision: HeldDecision } {
  const { path, decision } = fieldsOf(body, ['path', 'decision'])
  if (decision === 'approve' || decision === 'reject') return { path: absolutePath(path), decision }
  throw new RequestProblem(400, '"decision" must be approve or reject')
}

export function parseFolderGuard(body: unknown): { readonly path: string; readonly limits: GuardLimits } {
  const { path, limits } = fieldsOf(body, ['path', 'limits'])
  if (!isGuardLimits(limits)) throw new RequestProblem(400, '"limits" must be sharePercent and files, or null')
  return { path: absolutePath(path), limits }
}

export function parseScrub(body: unknown): { readonly path: string; readonly action: ScrubAction } {
  const { path, action } = fieldsOf(body, ['path', 'action'])
  if (isScrubAction(action)) return { path: absolutePath(path), action }
  throw new RequestProblem(400, '"action" must be start, stop or a number of days')
}

export function parsePeerPaused(body: unknown): { readonly peer: string; readonly paused: boolean } {
  const { peer, paused } = fieldsOf(body, ['peer', 'paused'])
  if (typeof peer !== 'string') throw new RequestProblem(400, '"peer" must be text')
  return { peer, paused: flag(paused) }
}

/** The lines of a schedule are read by the node. */
export function parseLimitChange(body: unknown): LimitChange {
  const change = fieldsOf(body, ['up', 'down', 'schedule'])
  const { up = null, down = null, schedule = [] } = change
  if (!isTransferRate(up) || !isTransferRate(down)) {
    throw new RequestProblem(400, '"up" and "down" must be bytes a second, or null')
  }
  if (!Array.isArray(schedule) || schedule.some((line) => typeof line !== 'string')) {
    throw new RequestProblem(400, '"schedule" must be a list of text')
  }
  return change
}

function fieldsOf(value: unknown, names: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) throw new RequestProblem(400, 'the body must be a JSON object')
  const unknown = Object.keys(value).some((name) => !names.includes(name))
  if (unknown) throw new RequestProblem(400, 'the body has a field that is not known')
  return value as Record<string, unknown>
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new RequestProblem(400, '"paused" must be true or false')
  return value
}

function absolutePath(path: unknown): string {
  if (typeof path !== 'string') throw new RequestProblem(400, '"path" must be text')
  if (!isAbsolute(path) || path.includes('\0')) throw new RequestProblem(400, 'a folder must be an absolute path')
  return path
}
