import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { CommitState } from './commit-plan.ts'
import { encodeHead } from './index-head.ts'
import { keyRange, logKey, metaKeys, prefix } from './index-keys.ts'
import { decodeLogRow, logRows, type LogEntry } from './log-row.ts'
import type { RowReader } from './row-reader.ts'
import { currentRows } from './sequence-log.ts'

/** Takes some of what was overtaken out of the log. */
interface ShorteningStep {
  readonly operations: readonly StoreOperation[]
  /** Changes that are taken out. */
  readonly dropped: number
  /** The seq of the row of the log where the next step begins; null: the end was reached. */
  readonly next: number | null
}

/**
 * Every change adds to the log, and most overtake another: when more than half of the log was overtaken, that is taken out
 * from one end to the other, in steps beside the commits that come, so that no commit waits for long. The log never
 * grows beyond some four times the rows that there are.
 */
export class LogShortening {
  readonly #store: KeyValueStore
  readonly #reader: RowReader
  /** Null: nothing is under way. */
  #from: number | null = null

  constructor(store: KeyValueStore, reader: RowReader) {
    this.#store = store
    this.#reader = reader
  }

  /**
   * Takes the step that is due when `changes` more come, while nobody else writes. Null: none is due. `isEnd`: much of the log
   * is gone now.
   */
  async take(state: CommitState, changes: number): Promise<{ state: CommitState; isEnd: boolean } | null> {
    const { logged, counts } = state
    if (this.#from === null && logged <= 2 * counts.entries + loggedMin) return null
    const step = await this.#step(this.#from ?? 0, stepEntriesMin + 2 * changes)
    const left = { ...state, logged: logged - step.dropped }
    await this.#store.batch([...step.operations, { type: 'put', key: metaKeys.head, value: encodeHead(left) }])
    this.#from = step.next
    return { state: left, isEnd: step.next === null }
  }

  async #step(from: number, atOnce: number): Promise<ShorteningStep> {
    const operations: StoreOperation[] = []
    const entries: LogEntry[] = []
    let next: number | null = null
    const range = { ...keyRange(prefix.log, nothing, null), from: logKey(from), pageEntries: 16 }
    rows: for await (const page of this.#store.pages(range)) {
      for (const [key, value] of page) {
        const inside = decodeLogRow(key, value)
        if (entries.length >= atOnce) {
          next = inside[0]!.seq
          break rows
        }
        operations.push({ type: 'del', key })
        for (const entry of inside) entries.push(entry)
      }
    }
    const current = await currentRows(this.#reader, entries)
    const live = entries.filter((_, i) => current[i] !== null)
    // Puts after removals: most rows begin where one did.
    return { operations: operations.concat(logRows(live)), dropped: entries.length - live.length, next }
  }
}

const loggedMin = 4096
const stepEntriesMin = 256
const nothing = new Uint8Array(0)
