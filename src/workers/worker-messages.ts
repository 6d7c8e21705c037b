import type { RelativePath } from '../model/relative-path.ts'
import type { FileTasks, HashTelling } from '../ports/file-tasks.ts'
import type { Listing } from '../watcher/list-tree.ts'
import type { ListingLook } from '../watcher/look-at-listing.ts'
import type { PackedError } from './packed-error.ts'
import type { PackedHashRequests, PackedHashResults } from './packed-hash.ts'

/** What can be called on a file worker: the tasks, but a scan is a stream, and what is many is packed. */
export interface WorkerCalls extends Omit<FileTasks, 'scan' | 'hash'> {
  /** With `told` it answers `blocks` on the way. */
  hash(requests: PackedHashRequests, told: Omit<HashTelling, 'onBlocks'> | null): Promise<PackedHashResults>
  /** The second half of a scan; the first is its stream of listings. */
  look(listing: Listing): Promise<ListingLook>
}

export type CallName = keyof WorkerCalls
export type CallArguments<Name extends CallName> = Parameters<WorkerCalls[Name]>
export type CallResult<Name extends CallName> = Awaited<ReturnType<WorkerCalls[Name]>>

/** Whose folder a request is about: a session is one {@link FileTasks}, and its jobs end when it is closed. */
export interface Session {
  readonly number: number
  readonly root: string
}

/** From the main thread to a file worker; the answers carry the same `id`. */
export type WorkerRequest =
  | {
      readonly type: 'call'
      readonly id: number
      readonly session: Session
      readonly name: CallName
      readonly args: readonly unknown[]
    }
  | { readonly type: 'scan'; readonly id: number; readonly session: Session; readonly start: RelativePath | '' }
  /** The scan may send one listing more. */
  | { readonly type: 'scan-more'; readonly id: number }
  /** Nobody reads the scan any more. Answered by nothing. */
  | { readonly type: 'scan-stop'; readonly id: number }
  /** There is nothing to do: give back memory. Answered by nothing. */
  | { readonly type: 'tidy' }
  /** End all jobs, then the thread. */
  | { readonly type: 'stop' }

/** How many listings of a scan may be on their way. */
export const listingsAhead = 2

export type WorkerAnswer =
  | { readonly type: 'ready' }
  /** A file of a `hash` has come so far; its result is still to come. */
  | { readonly type: 'blocks'; readonly id: number; readonly path: RelativePath; readonly blocks: Uint8Array }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | { readonly type: 'failed'; readonly id: number; readonly error: PackedError }
  | { readonly type: 'listing'; readonly id: number; readonly listing: Listing }
  | { readonly type: 'scan-end'; readonly id: number }
