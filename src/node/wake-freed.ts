import type { RelativePath } from '../model/relative-path.ts'
import { heldReason } from './guard-incoming.ts'
import type { Needs } from './needs.ts'
import { isAtOrBelow } from './recognise-moves.ts'

/** What was in the way at `path` is gone: what waits to be there, or in the folder that is to be there, is tried at once. */
export function wakeFreed(needs: Needs, path: RelativePath): void {
  if (needs.held === 0) return
  const freed = new Set([path])
  for (const need of needs.all()) {
    const waits = need.state === 'queued' && need.reason !== '' && need.reason !== heldReason
    if (!waits || !isAtOrBelow(need.record.path, freed)) continue
    need.attempts = 0
    needs.requeue(need, 0, '')
  }
}
