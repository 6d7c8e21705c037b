import type { ErrorCode } from '../model/errors.ts'
import type { WatchHint } from '../ports/folder-watcher.ts'

/** What the watching thread is started with. */
export interface WatchWorkerData {
  readonly root: string
  readonly queuedEventsMax: number
  /** As in `AdaptiveWatcherOptions`. */
  readonly folderLevelFrom: number
}

/** From the watching thread. Each `hint` is answered by one message, whatever it holds, before the next is sent. */
export type WatchMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly code: ErrorCode; readonly reason: string; readonly hint: string }
  | { readonly type: 'hint'; readonly hint: WatchHint }
