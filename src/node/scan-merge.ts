import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import { isLive } from '../model/file-record.ts'
import { comparePaths, isBelow, type RelativePath } from '../model/relative-path.ts'
import type { ScanEntry } from '../ports/file-tasks.ts'
import { isUnchanged } from './entry-draft.ts'

/** Walks the index beside a scan, both in path order. */
export class ScanMerge {
  readonly #rows: AsyncIterator<readonly IndexRow[]>
  #page: readonly IndexRow[] = []
  #at = 0
  #ended = false
  #unknown: (RelativePath | '')[] = []

  constructor(index: FolderIndex) {
    this.#rows = index.rows()[Symbol.asyncIterator]()
  }

  /** Of the next entries those that differ from the index, and the live rows that lie between them. */
  async next(
    entries: readonly ScanEntry[],
    unknown: readonly (RelativePath | '')[],
  ): Promise<{ changed: ScanEntry[]; gone: RelativePath[] }> {
    this.#unknown.push(...unknown)
    const changed: ScanEntry[] = []
    const gone: RelativePath[] = []
    for (const entry of entries) {
      let row = await this.#peek()
      while (row !== null && comparePaths(row.record.path, entry.path) < 0) {
        this.#passed(row, gone)
        row = await this.#peek()
      }
      const same = row !== null && row.record.path === entry.path
      if (same) this.#at++
      if (!isUnchanged(same ? row : null, entry)) changed.push(entry)
    }
    return { changed, gone }
  }

  /** The live rows behind the last entry. */
  async rest(): Promise<RelativePath[]> {
    const gone: RelativePath[] = []
    for (let row = await this.#peek(); row !== null; row = await this.#peek()) this.#passed(row, gone)
    return gone
  }

  #passed(row: IndexRow, gone: RelativePath[]): void {
    this.#at++
    const { path } = row.record
    if (!isLive(row.record)) return
    if (this.#unknown.some((top) => top === '' || top === path || isBelow(path, top))) return
    gone.push(path)
  }

  async #peek(): Promise<IndexRow | null> {
    while (this.#at >= this.#page.length) {
      if (this.#ended) return null
      const next = await this.#rows.next()
      if (next.done === true) {
        this.#ended = true
        return null
      }
      this.#page = next.value
      this.#at = 0
    }
    return this.#page[this.#at]!
  }
}
