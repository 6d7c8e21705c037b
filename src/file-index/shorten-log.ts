import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { CommitState } from './commit-plan.ts'
import { keyRange, logKey, prefix } from './index-keys.ts'
import { decodeLogRow, logRows, type LogEntry } from './log-row.ts'
import type { RowReader } from './row-reader.ts'
import { currentRows } from './sequence-log.ts'

/** Takes some of what was overtaken out of the log. */
export interface ShorteningStep {
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

  /** The step that is due when `changes` more come; null: none is. While nobody else writes. */
  async plan({ logged, counts }: CommitState, changes: number): Promise<ShorteningStep | null> {
    if (this.#from === null && logged <= 2 * counts.entries + loggedMin) return null
    return this.#step(this.#from ?? 0, stepEntriesMin + 2 * changes)
  }

  written(step: ShorteningStep): void {
    this.#from = step.next
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
