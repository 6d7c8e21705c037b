import TinyQueue from 'tinyqueue'
import type { RelativePath } from '../model/relative-path.ts'
import type { Lane } from '../transfer/transfer-order.ts'
import type { Need } from './need.ts'

/** Where needs wait that may be taken now. Removals have a row of their own: at times none of them may. */
export type Row = Lane | 'removals'

/**
 * Needs in the order in which they are to be taken, and those that wait for a time. Entering, leaving and finding the
 * first cost O(log n): who leaves is only crossed out, and swept out once there are more of them than of others.
 */
export class NeedQueue {
  readonly #entries = new Map<Need, Entry>()
  readonly #rows = {
    small: new TinyQueue<Entry>([], byPlace),
    medium: new TinyQueue<Entry>([], byPlace),
    large: new TinyQueue<Entry>([], byPlace),
    removals: new TinyQueue<Entry>([], byPathBackwards),
  } satisfies Record<Row, TinyQueue<Entry>>
  readonly #later = new TinyQueue<Entry>([], byTime)
  #crossedOut = 0

  /** Lets a need wait for its `retryAt` and then in its row. It is there once, however often it enters. */
  enter(need: Need): void {
    this.leave(need)
    const { record, place, retryAt } = need
    const entry: Entry = { need, retryAt, order: place.order, path: record.path }
    this.#entries.set(need, entry)
    if (need.retryAt > 0) this.#later.push(entry)
    else this.#rows[rowOf(need)].push(entry)
  }

  leave(need: Need): void {
    if (!this.#entries.delete(need)) return
    this.#crossedOut++
    if (this.#crossedOut > this.#entries.size + sweepMin) this.#sweep()
  }

  /** Lets those whose time has come join their rows. `now` is of the monotonic clock, in milliseconds. */
  wake(now: number): void {
    let entry = this.#first(this.#later)
    while (entry !== null && entry.retryAt <= now) {
      this.#later.pop()
      this.#rows[rowOf(entry.need)].push(entry)
      entry = this.#first(this.#later)
    }
  }

  /** Who is to be taken next from a row, or null. */
  first(row: Row): Need | null {
    return this.#first(this.#rows[row])?.need ?? null
  }

  /** When the next of those that wait for a time after `now` may be taken, or null. */
  nextRetryAt(now: number): number | null {
    this.wake(now)
    return this.#first(this.#later)?.retryAt ?? null
  }

  #first(queue: TinyQueue<Entry>): Entry | null {
    for (let entry = queue.peek(); entry !== undefined; entry = queue.peek()) {
      if (this.#entries.get(entry.need) === entry) return entry
      queue.pop()
      this.#crossedOut--
    }
    return null
  }

  #sweep(): void {
    for (const queue of [...Object.values(this.#rows), this.#later]) {
      const left = queue.data.filter((entry) => this.#entries.get(entry.need) === entry)
      queue.data = []
      queue.length = 0
      for (const entry of left) queue.push(entry)
    }
    this.#crossedOut = 0
  }
}

/** Crossed out that are not worth a sweep. */
const sweepMin = 1000

interface Entry {
  readonly need: Need
  readonly retryAt: number
  // What is compared again and again is at hand.
  readonly order: number
  readonly path: RelativePath
}

function rowOf({ record, place }: Need): Row {
  return record.kind === 'tombstone' ? 'removals' : place.lane
}

function byPlace(a: Entry, b: Entry): number {
  return a.order === b.order ? byPath(a, b) : a.order - b.order
}

/** What a folder holds goes before the folder. */
function byPathBackwards(a: Entry, b: Entry): number {
  return byPath(b, a)
}

function byPath(a: Entry, b: Entry): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0
}

function byTime(a: Entry, b: Entry): number {
  return a.retryAt - b.retryAt
}
