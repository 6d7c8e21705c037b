import type { Clock } from '../ports/clock.ts'
import type { EventTurns } from './event-turns.ts'
import type { HintQueue } from './hint-queue.ts'

/** One way of watching a folder and all below it, in the thread that it runs in, which should have nothing else to do. */
export interface TreeWatcher {
  /** Resolves when every folder is watched that can be; rejects with the system's error when none can. */
  open(): Promise<void>
  /** Nothing is told any more. */
  close(): Promise<void>
}

/** Where a {@link TreeWatcher} tells what it sees. */
export interface TreeWatcherDeps {
  /** Absolute, without a slash at its end. */
  readonly root: string
  readonly queue: HintQueue
  readonly turns: EventTurns
  readonly clock: Pick<Clock, 'sleep'>
}
