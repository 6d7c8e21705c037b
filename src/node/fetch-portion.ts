import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { FetchRun } from '../transfer/fetch-queue.ts'
import { bytesOf, type FetchFile } from './fetch-groups.ts'

/** A file that waits for blocks. */
export interface Target {
  readonly file: FetchFile
  readonly sources: ReadonlySet<DeviceId>
  blocksLeft: number
  reason: string
  readonly batch: Batch
}

/** The files of one call. */
export interface Batch {
  filesLeft: number
  readonly missing: Map<FetchFile, string>
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** What one request asks for; a second peer may be asked for the same. */
export interface Portion {
  readonly runs: readonly FetchRun<Target, FetchBlock>[]
  readonly bytes: number
  readonly asked: DeviceId[]
  askedAt: number
  /** Requests for it that have not ended. */
  pending: number
  /** Staged, given back or failed. */
  isDone: boolean
}

export function newPortion(runs: readonly FetchRun<Target, FetchBlock>[]): Portion {
  const bytes = runs.reduce((sum, run) => sum + bytesOf(run.blocks), 0)
  return { runs, bytes, asked: [], askedAt: 0, pending: 0, isDone: false }
}
