import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { sameDiskState } from '../model/disk-state.ts'
import type { DeviceId } from '../model/device-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { BlockRead, FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import { historyName } from './history-name.ts'
import { batchesOf, type FetchFile } from './fetch-groups.ts'
import { PeerFetches, type PeerClients } from './peer-fetches.ts'
import type { ScrubVerdict } from './scrub-file.ts'

export const beingChanged = 'it is being changed'

type Damage = Extract<ScrubVerdict, { outcome: 'damaged' }>

const copyBytes = 8 * 1024 * 1024
/** So often it is seen whether those who were asked are still there. */
const lookMs = 1000

/**
 * Puts the right bytes in the place of damaged ones: good blocks from the file itself, the others from anywhere in this
 * folder, else from a peer. The damaged file goes to history. The record stays as it is: nobody is told of a change.
 */
export class ScrubRepair {
  readonly #deps: ScrubRepairDeps
  readonly #fetches: PeerFetches
  readonly #prefix: string
  #count = 0

  constructor(deps: ScrubRepairDeps) {
    this.#deps = deps
    this.#fetches = new PeerFetches({ ...deps, onStaged: () => undefined })
    this.#prefix = `scrub-${Buffer.from(deps.random.bytes(9)).toString('hex')}`
  }

  /** Returns '' when it is done, else why it cannot be done, for a person: {@link beingChanged} when the file is another by now. */
  async repair(row: IndexRow, damage: Damage): Promise<string> {
    const { tasks } = this.#deps
    this.#count++
    const staged = `${this.#prefix}-${this.#count.toString(36)}`
    try {
      const missing = await this.#stage(row, damage, staged)
      if (missing !== '') return missing
      const { sizeBytes, mtimeNs, executable } = row.record
      const [failure] = await tasks.finishStaged([{ staged, sizeBytes, mtimeNs, executable }])
      if (failure !== undefined) return `the right bytes could not be written (${failure.code})`
      return await this.#deps.alone(() => this.#place(row, staged))
    } finally {
      await tasks.discardStaged([staged]).catch(() => undefined)
    }
  }

  async #stage(row: IndexRow, { good, bad }: Damage, staged: string): Promise<string> {
    const { index, tasks, peers } = this.#deps
    const elsewhere = await index.findBlocks(
      bad.map(({ hash }) => hash),
      row.record.path,
    )
    const copies = good.map((block) => ({ ...block, source: block.path, sourceOffset: block.offset }))
    for (const [i, block] of bad.entries()) {
      const found = elsewhere[i]
      if (found) copies.push({ ...block, source: found.path, sourceOffset: found.offset })
    }
    const left = new Set<BlockRead>([...good, ...bad])
    const byOffset = new Map([...left].map((block) => [block.offset, block]))
    for (const batch of batchesOf(copies, copyBytes)) {
      const blocks = batch.map(({ offset, length, hash, source, sourceOffset }) => ({
        staged,
        offset,
        length,
        hash,
        source,
        sourceOffset,
      }))
      const done = await tasks.stageLocal(blocks)
      for (const [i, { offset }] of blocks.entries()) if (done[i] === true) left.delete(byOffset.get(offset)!)
      await this.#deps.pace(batch.reduce((sum, { length }) => sum + length, 0))
    }
    if (left.size === 0) return ''
    const sources: ReadonlySet<DeviceId> = new Set(peers().devices)
    if (sources.size === 0) return 'no other device is connected that could have the right bytes'
    const { path, content, sizeBytes } = row.record
    const file: FetchFile = { record: { path, content, sizeBytes }, sources, staged, local: null }
    const wanted = Array.from(left, ({ offset, length, hash }) => ({ staged, offset, length, hash, alsoAt: [] }))
    return (await this.#fetch(file, wanted)) ? '' : 'no connected device has the right bytes'
  }

  async #fetch(file: FetchFile, blocks: readonly FetchBlock[]): Promise<boolean> {
    const { clock, signal } = this.#deps
    const ended = new AbortController()
    const stop = (): void => void this.#fetches.cancel(new Set([file]))
    signal.addEventListener('abort', stop, { once: true })
    const fetched = this.#fetches.fetch(new Map([[file, blocks]])).finally(() => ended.abort())
    try {
      while (!ended.signal.aborted) {
        await clock.sleep(lookMs, ended.signal).catch(() => undefined)
        if (!ended.signal.aborted) this.#fetches.sourceGone()
      }
      return (await fetched).size === 0
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  /** To be called while nobody else commits. */
  async #place(row: IndexRow, staged: string): Promise<string> {
    const { index, tasks, clock } = this.#deps
    const { path } = row.record
    const [now] = await index.getMany([path])
    if (now?.seq !== row.seq || !sameDiskState(now.disk, row.disk)) return beingChanged
    const step = { type: 'place-file', path, expect: row.disk, staged, keepAs: null, isDamaged: true } as const
    const [result] = await tasks.apply([step], { history: historyName(clock.now()) })
    if (result?.outcome === 'changed') return beingChanged
    if (result?.outcome !== 'done') return `the right bytes could not be put in place: ${result?.reason ?? ''}`
    // Should this be lost, the next look finds a file of the same content and says the same.
    if (result.disk !== null) await index.updateDisk([{ path, disk: result.disk }])
    return ''
  }
}

export interface ScrubRepairDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly peers: () => PeerClients
  /** Runs a job while nobody else commits. */
  readonly alone: <T>(job: () => Promise<T>) => Promise<T>
  readonly pace: (bytes: number) => Promise<void>
}
