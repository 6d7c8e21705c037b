import { nodeIndexFor, type MerkleTree } from '../merkle/merkle-tree.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreEntry } from '../ports/key-value-store.ts'
import { keyRange, pageKey, prefix } from './index-keys.ts'
import { LazyRow } from './lazy-row.ts'
import { decodePage, findInPage, placesInPage, type PageEntry } from './leaf-page.ts'
import { isLiveRow } from './row-codec.ts'

/** Path keys `from <= key < to`; null: to the last. */
export interface PathRange {
  readonly from: Uint8Array
  readonly to: Uint8Array | null
}

/** All paths. */
export const allPaths: PathRange = { from: new Uint8Array(0), to: null }

/** The paths strictly below `folder`. */
export function pathsBelow(folder: RelativePath): PathRange {
  const top = pathKey(folder)
  return { from: Buffer.concat([top, Uint8Array.of(0)]), to: Buffer.concat([top, Uint8Array.of(1)]) }
}

/** With `below`, the paths strictly below that folder; with `from`, that path and those after it; else all. */
export interface RowRange {
  readonly below?: RelativePath
  readonly from?: RelativePath
}

export function pathsIn({ below, from }: RowRange): PathRange {
  if (from !== undefined) return { from: pathKey(from), to: null }
  return below === undefined ? allPaths : pathsBelow(below)
}

/**
 * Reads rows from the pages that hold them. The tree in memory says which page that is; a commit may have moved the row
 * meanwhile, which shows in the page itself, and then the database is asked.
 */
export class RowReader {
  readonly #store: KeyValueStore
  readonly #tree: () => MerkleTree

  constructor(store: KeyValueStore, tree: () => MerkleTree) {
    this.#store = store
    this.#tree = tree
  }

  /** The rows of paths, in their order. They keep the pages that hold them alive. */
  async getMany(paths: readonly RelativePath[]): Promise<(Uint8Array | undefined)[]> {
    return this.getManyKeys(paths.map(pathKey))
  }

  /** As {@link getMany}, for path keys. */
  async getManyKeys(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const rows: (Uint8Array | undefined)[] = []
    for (let at = 0; at < keys.length; at += keysAtOnce) {
      for (const row of await this.#getPart(keys.slice(at, at + keysAtOnce))) rows.push(row)
    }
    return rows
  }

  /** Rows in path order, about 1000 at once, or `atOnce`. */
  async *pages(range: PathRange, atOnce = 1000): AsyncGenerator<readonly PageEntry[]> {
    for await (const pages of this.#pagesOf(range, atOnce)) {
      const rows = pages.flatMap(([, page]) => decodePage(page).entries)
      const inside = range === allPaths ? rows : rows.filter(({ key }) => isInside(key, range))
      if (inside.length > 0) yield inside
    }
  }

  async hasLiveBelow(folder: RelativePath): Promise<boolean> {
    for await (const page of this.pages(pathsBelow(folder), 100)) {
      if (page.some(({ row }) => isLiveRow(row, 0))) return true
    }
    return false
  }

  /** As {@link pages}, but nothing of a row is decoded or made a view of before it is asked for. */
  async *lazyPages(range: PathRange): AsyncGenerator<readonly LazyRow[]> {
    for await (const pages of this.#pagesOf(range, 1000)) {
      const rows: LazyRow[] = []
      for (const [, page] of pages) for (const place of placesInPage(page)) rows.push(new LazyRow(page, place))
      const inside = range === allPaths ? rows : rows.filter(({ key }) => isInside(key, range))
      if (inside.length > 0) yield inside
    }
  }

  /** Those that may hold rows of the range. */
  async *#pagesOf(range: PathRange, atOnce: number): AsyncGenerator<readonly StoreEntry[]> {
    const pageEntries = Math.max(1, Math.floor(atOnce / rowsPerPage))
    for (;;) {
      const start = range.from.length === 0 ? null : await this.#pageAt(range.from)
      const keys = keyRange(prefix.page, start === null ? range.from : start[0].subarray(1), range.to)
      let found = start === null
      for await (const pages of this.#store.pages({ ...keys, pageEntries })) {
        found ||= Buffer.compare(pages[0]![0], start![0]) === 0
        if (!found) break
        yield pages
      }
      if (found) return
      // Its rows were joined to the page before it since we asked.
    }
  }

  async #getPart(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    const leaves = this.#tree().levels[0]!
    const slots = new Map<number, number>()
    const wanted: Uint8Array[] = []
    const slotOf = keys.map((key) => {
      const leaf = nodeIndexFor(leaves, key)
      let slot = slots.get(leaf)
      if (slot === undefined) {
        slot = wanted.push(pageKey(leaves[leaf]!.firstKey)) - 1
        slots.set(leaf, slot)
      }
      return slot
    })
    const pages = await this.#store.getMany(wanted)
    const rows = keys.map((key, i) => {
      const page = pages[slotOf[i]!]
      return page === undefined ? undefined : findInPage(page, key)
    })
    await this.#fillFromDatabase(keys, rows)
    return rows.map((row) => row ?? undefined)
  }

  /** Finds the rows that are undefined. From the last key on, so that one page answers for all keys that it covers. */
  async #fillFromDatabase(keys: readonly Uint8Array[], rows: (Uint8Array | null | undefined)[]): Promise<void> {
    const missing = Array.from(rows.keys()).filter((i) => rows[i] === undefined)
    missing.sort((a, b) => Buffer.compare(keys[b]!, keys[a]!))
    let page: StoreEntry | null = null
    for (const i of missing) {
      const key = keys[i]!
      if (page === null || Buffer.compare(key, page[0].subarray(1)) < 0) page = await this.#pageAt(key)
      // No page begins before it: then none holds the keys that are to come either.
      if (page === null) return
      rows[i] = findInPage(page[1], key)
    }
  }

  /** The last page that begins at `key` or before: the one that holds it, as the database is now. */
  async #pageAt(key: Uint8Array): Promise<StoreEntry | null> {
    const range = keyRange(prefix.page, allPaths.from, Buffer.concat([key, Uint8Array.of(0)]))
    for await (const entries of this.#store.pages({ ...range, reverse: true, limit: 1 })) return entries[0] ?? null
    return null
  }
}

/** Each may need a page of its own, of about 4 KiB. */
const keysAtOnce = 1000
const rowsPerPage = 16

function isInside(key: Uint8Array, { from, to }: PathRange): boolean {
  return Buffer.compare(key, from) >= 0 && (to === null || Buffer.compare(key, to) < 0)
}
