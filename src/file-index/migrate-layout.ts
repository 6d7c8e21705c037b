import { P2psyncError } from '../model/errors.ts'
import { leafHash } from '../merkle/node-hash.ts'
import type { KeyValueStore, StoreEntry, StoreOperation } from '../ports/key-value-store.ts'
import { keyRange, layoutVersion, metaKeys, pageKey, prefix } from './index-keys.ts'
import { encodePage, type PageEntry } from './leaf-page.ts'
import { loadTree } from './leaf-rows.ts'
import { firstSeq, logRows, type LogEntry } from './log-row.ts'
import { rowContent, rowHead } from './row-codec.ts'
import { RowReader } from './row-reader.ts'

/**
 * Brings a database of an older layout to {@link layoutVersion}, one version at a time. Every step goes in batches of
 * bounded size and can be broken off between any two: it goes on where it was when the database is opened again.
 *
 * @throws {P2psyncError} `index-failed` when the layout is of a later version, `index-damaged` when it is none.
 */
export async function migrateLayout(
  store: KeyValueStore,
  layout: Uint8Array,
  options: { readonly operationsAtOnce?: number } = {},
): Promise<void> {
  let version = layout.length === 1 ? layout[0]! : 0
  if (version > layoutVersion) {
    const text = `the index has the layout ${version}, which this version of p2psync does not know`
    throw new P2psyncError('index-failed', text, { hint: 'It was made by a later version: update p2psync.' })
  }
  for (; version < layoutVersion; version++) {
    const step = steps.get(version)
    if (step === undefined) throw new P2psyncError('index-damaged', 'the index has no layout version')
    await step(store, options.operationsAtOnce ?? operationsAtOnceDefault)
    const value = Uint8Array.of(version + 1)
    await store.batch([{ type: 'put', key: metaKeys.layout, value }], { durable: true })
  }
}

/** What leads from each layout to the next. */
const steps: ReadonlyMap<number, (store: KeyValueStore, operationsAtOnce: number) => Promise<void>> = new Map([
  [1, fromLayout1],
])
const operationsAtOnceDefault = 2000

/**
 * Layout 1 had a row of its own for each path (`r pathKey`) and for each change in the log (`g seq`: pathKey), and kept
 * account of the paths that have a content (`c`, `e`), which the log does now.
 */
const rowPrefix = 0x72
const changePrefix = 0x67
const contentPrefixes = [0x63, 0x65]

async function fromLayout1(store: KeyValueStore, operationsAtOnce: number): Promise<void> {
  await rowsIntoPages(store, operationsAtOnce)
  await changesIntoLog(store, operationsAtOnce)
  for (const first of contentPrefixes) {
    for await (const page of store.pages({ ...keyRange(first, nothing, null), pageEntries: operationsAtOnce })) {
      await store.batch(page.map(([key]): StoreOperation => ({ type: 'del', key })))
    }
  }
}

/** The rows of each leaf become one page. Each batch ends with a leaf, so that the rows left begin with one. */
async function rowsIntoPages(store: KeyValueStore, operationsAtOnce: number): Promise<void> {
  const leaves = new Cursor(store.pages(keyRange(prefix.leaf, nothing, null)))
  const rows = new Cursor(store.pages(keyRange(rowPrefix, nothing, null)))
  let operations: StoreOperation[] = []
  for (let leaf = await leaves.next(); leaf !== null; leaf = await leaves.next()) {
    const firstKey = leaf[0].subarray(1)
    const end = (await leaves.peek())?.[0].subarray(1) ?? null
    const entries: PageEntry[] = []
    for (let row = await rows.peek(); row !== null; row = await rows.peek()) {
      const key = row[0].subarray(1)
      if (end !== null && Buffer.compare(key, end) >= 0) break
      entries.push({ key, hash: rowHead(row[1]).hash, row: row[1] })
      operations.push({ type: 'del', key: row[0] })
      await rows.next()
    }
    // An earlier run has done this one; a leaf that lacks rows is found by the check that follows.
    if (entries.length === 0) continue
    if (Buffer.compare(leafHash(entries), leaf[1].subarray(1)) !== 0) {
      throw new P2psyncError('index-damaged', 'the index was damaged: rows are missing')
    }
    operations.push({ type: 'put', key: pageKey(firstKey), value: encodePage(end, entries) })
    if (operations.length < operationsAtOnce) continue
    await store.batch(operations)
    operations = []
  }
  if ((await rows.peek()) !== null) throw new P2psyncError('index-damaged', 'the index was damaged: leaves are missing')
  await store.batch(operations)
}

/** The changes of layout 1 become rows of the log, with the contents that the rows have, which are in pages by now. */
async function changesIntoLog(store: KeyValueStore, operationsAtOnce: number): Promise<void> {
  const tree = await loadTree(store)
  const reader = new RowReader(store, () => tree)
  for await (const page of store.pages({ ...keyRange(changePrefix, nothing, null), pageEntries: operationsAtOnce })) {
    const rows = await reader.getManyKeys(page.map(([, key]) => key))
    const entries = page.map(([key, path], i): LogEntry => {
      const row = rows[i]
      return { seq: firstSeq(key), key: path, content: row === undefined ? null : (rowContent(row)?.hash ?? null) }
    })
    await store.batch([...logRows(entries), ...page.map(([key]): StoreOperation => ({ type: 'del', key }))])
  }
}

const nothing = new Uint8Array(0)

/** Entries one by one. */
class Cursor {
  readonly #pages: AsyncIterator<readonly StoreEntry[]>
  #page: readonly StoreEntry[] = []
  #at = 0

  constructor(pages: AsyncIterable<readonly StoreEntry[]>) {
    this.#pages = pages[Symbol.asyncIterator]()
  }

  /** The next entry, which stays the next; null at the end. */
  async peek(): Promise<StoreEntry | null> {
    while (this.#at === this.#page.length) {
      const next = await this.#pages.next()
      if (next.done === true) return null
      this.#page = next.value
      this.#at = 0
    }
    return this.#page[this.#at]!
  }

  async next(): Promise<StoreEntry | null> {
    const entry = await this.peek()
    if (entry !== null) this.#at++
    return entry
  }
}
