import { blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import { ContentTable } from './content-table.ts'
import { keyRange, logKey, prefix } from './index-keys.ts'
import { keyText } from './key-text.ts'
import { contentsInLogRow, findInLogRow, firstSeq, rowSeqs, type LogEntry } from './log-row.ts'
import { rowContent, type RowContent } from './row-codec.ts'
import type { RowReader } from './row-reader.ts'
import { logRowBefore } from './sequence-log.ts'

/** A content that is looked for. */
export interface WantedContent {
  readonly hash: BlockHash
  /** Of the bytes of one block, or of a block list: a file may hold the very bytes of another's list. Null: either. */
  readonly single: boolean | null
}

/** A live file that has it. */
export interface FoundContent {
  /** Of its path. */
  readonly key: Uint8Array
  readonly content: RowContent
}

/** `unsure`: files had it and have it no more, unless a commit that was being written has given it to another. */
export type ContentAnswer = FoundContent | 'unsure' | null

/** Asks once more, `alone` while nobody writes, when a commit may have moved an answer meanwhile. */
export async function surely<T>(
  alone: <R>(work: () => Promise<R>) => Promise<R>,
  ask: () => Promise<(T | 'unsure')[]>,
): Promise<(T | null)[]> {
  let answers = await ask()
  if (answers.includes('unsure')) answers = await alone(ask)
  return answers.map((answer) => (answer === 'unsure' ? null : answer))
}

interface Search {
  readonly wanted: WantedContent
  readonly hash: Buffer
  /** What is left to look at. */
  readonly seqs: Iterator<number, unknown>
  atEnd: boolean
  readonly overtaken: Set<number>
  answer: ContentAnswer
}

/**
 * Finds files by what is in them. The log has the beginning of the hash of each content; a table of these is kept in memory
 * from the first look-up on, and what it says is checked against the rows.
 */
export class ContentFinder {
  readonly #store: KeyValueStore
  readonly #reader: RowReader
  readonly #seq: () => number
  #table: ContentTable | null = null
  /** Where rows of the log begin, ascending; some may be gone. */
  #rowSeqs: number[] = []
  #loading: Promise<ContentTable> | null = null

  /** `seq` is that of the last change that was committed. */
  constructor(store: KeyValueStore, reader: RowReader, seq: () => number) {
    this.#store = store
    this.#reader = reader
    this.#seq = seq
  }

  /** These have been committed. */
  add(entries: readonly LogEntry[]): void {
    if (this.#table === null) return
    for (const seq of rowSeqs(entries)) this.#rowSeqs.push(seq)
    for (const { seq, content } of entries) {
      if (content === null) continue
      const [high, low] = halves(content)
      this.#table.add(seq, high, low)
    }
  }

  /** Much of the log is gone: what is kept of it in memory is read anew at the next look-up. */
  forget(): void {
    if (this.#loading !== null) return
    this.#table = null
  }

  /** A live file with each content; paths whose key is in `besides` ({@link keyText}) do not count. */
  async find(wanted: readonly WantedContent[], besides: ReadonlySet<string> = new Set()): Promise<ContentAnswer[]> {
    const table = await this.#loaded()
    const searches = wanted.map((want): Search => {
      const hash = Buffer.from(blockHashToBytes(want.hash))
      return { wanted: want, hash, seqs: table.find(...halves(hash)), atEnd: false, overtaken: new Set(), answer: null }
    })
    for (let atOnce = 1; ; atOnce = Math.min(atOnce * 4, 256)) {
      const open = searches.filter(({ atEnd, answer }) => !atEnd && (answer === null || answer === 'unsure'))
      if (open.length === 0) break
      await this.#look(open, atOnce, besides)
    }
    for (const { hash, overtaken } of searches) if (overtaken.size > 0) table.drop(...halves(hash), overtaken)
    return searches.map(({ answer }) => answer)
  }

  /** Looks at the next `atOnce` changes of each search. */
  async #look(searches: readonly Search[], atOnce: number, besides: ReadonlySet<string>): Promise<void> {
    const asked = searches.flatMap((search) => takeSeqs(search, atOnce).map((seq) => ({ search, seq })))
    const keys = await this.#keysOf(asked.map(({ seq }) => seq))
    const known = asked.flatMap(({ search, seq }, i) => {
      const key = keys[i]!
      if (key === null) search.overtaken.add(seq)
      return key === null ? [] : [{ search, seq, key }]
    })
    const rows = await this.#reader.getManyKeys(known.map(({ key }) => key))
    for (const [i, { search, seq, key }] of known.entries()) {
      const row = rows[i]
      const content = row === undefined ? null : rowContent(row)
      if (content === null || Buffer.compare(content.hash, search.hash) !== 0) search.overtaken.add(seq)
      else if (isOther(search.wanted, content)) continue
      else if (besides.size === 0 || !besides.has(keyText(key))) search.answer = { key, content }
      if (search.answer === null) search.answer = 'unsure'
    }
  }

  /** The path keys of changes in the log; null for those that are not in it any more. */
  async #keysOf(seqs: readonly number[]): Promise<(Uint8Array | null)[]> {
    const wanted = new Set(seqs)
    const keys = new Map<number, Uint8Array>()
    const rows = Array.from(
      new Set(Array.from(wanted, (seq) => this.#rowSeqs[lastUpTo(this.#rowSeqs, seq)] ?? seq)),
      logKey,
    )
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      const part = rows.slice(at, at + rowsAtOnce)
      for (const [i, value] of (await this.#store.getMany(part)).entries()) {
        if (value !== undefined) findInLogRow([part[i]!, value], wanted, keys)
      }
    }
    for (const seq of wanted) {
      if (keys.has(seq)) continue
      // The log was shortened since it was read.
      const row = await logRowBefore(this.#store, seq)
      if (row !== null) findInLogRow(row, wanted, keys)
    }
    return seqs.map((seq) => keys.get(seq) ?? null)
  }

  #loaded(): Promise<ContentTable> {
    if (this.#loading !== null) return this.#loading
    if (this.#table !== null) return Promise.resolve(this.#table)
    this.#loading = this.#load().finally(() => {
      this.#loading = null
    })
    return this.#loading
  }

  /** Commits go on meanwhile and {@link add} what comes after the last change there is now. */
  async #load(): Promise<ContentTable> {
    const table = new ContentTable()
    this.#table = table
    this.#rowSeqs = []
    const loaded: number[] = []
    const last = this.#seq()
    const take = (seq: number, high: number, low: number): void => {
      if (seq <= last) table.add(seq, high, low)
    }
    const range = { ...keyRange(prefix.log, nothing, null), to: logKey(last + 1), pageEntries: 64 }
    try {
      for await (const page of this.#store.pages(range)) {
        for (const [key, value] of page) {
          loaded.push(firstSeq(key))
          contentsInLogRow(key, value, take)
        }
      }
      this.#rowSeqs = loaded.concat(this.#rowSeqs)
      return table
    } catch (error) {
      this.#table = null
      throw error
    }
  }
}

const nothing = new Uint8Array(0)

function takeSeqs(search: Search, count: number): number[] {
  const seqs: number[] = []
  while (seqs.length < count) {
    const next = search.seqs.next()
    search.atEnd = next.done === true
    if (next.done === true) break
    seqs.push(next.value)
  }
  return seqs
}

/** Rows of the log of some 4 KiB. */
const rowsAtOnce = 256

/** The position of the last of ascending `numbers` that is not above `number`; -1 when there is none. */
function lastUpTo(numbers: readonly number[], number: number): number {
  let low = 0
  let high = numbers.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (numbers[middle]! <= number) low = middle + 1
    else high = middle
  }
  return low - 1
}

function isOther({ single }: WantedContent, content: RowContent): boolean {
  return single !== null && single !== isSingleBlock(content.sizeBytes)
}

function halves(hash: Uint8Array): [high: number, low: number] {
  const bytes = Buffer.from(hash.buffer, hash.byteOffset, 8)
  return [bytes.readUInt32BE(0), bytes.readUInt32BE(4)]
}
