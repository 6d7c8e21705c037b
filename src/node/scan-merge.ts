import type { FolderIndex, IndexRow, LazyRow } from '../file-index/folder-index.ts'
import { isLive } from '../model/file-record.ts'
import { packStates } from '../model/packed-states.ts'
import { comparePaths, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { ScanBatch, ScanEntry } from '../ports/file-tasks.ts'

/** What is compared of a row. */
type Row = Pick<LazyRow, 'path' | 'live' | 'comparePathTo' | 'hasDisk'>

/**
 * Walks the index beside a scan, both in path order: one page of rows and one batch of entries are in memory at a time. What
 * is unchanged is compared as it comes, and becomes no record and no entry.
 */
export class ScanMerge {
  readonly #rows: AsyncIterator<readonly Row[]>
  readonly #unknown = new Set<RelativePath | ''>()
  #page: readonly Row[] = []
  #at = 0
  #ended = false

  /** `start` is where the scan starts; '' is all. */
  constructor(index: FolderIndex, start: RelativePath | '' = '') {
    this.#rows = start === '' ? index.rowHeads() : rowsFrom(index, start)
  }

  /** Of the next entries those that differ from the index, and the live rows that lie between them. */
  async next(batch: ScanBatch): Promise<{ changed: ScanEntry[]; gone: RelativePath[] }> {
    for (const path of batch.unknown) this.#unknown.add(path)
    const changed: ScanEntry[] = []
    const gone: RelativePath[] = []
    const { paths } = batch
    let i = 0
    while (i < paths.length) {
      if (this.#at === this.#page.length && !this.#ended) await this.#nextPage()
      i = this.#compare(batch, i, { changed, gone })
    }
    return { changed, gone }
  }

  /** The live rows behind the last entry. */
  async rest(): Promise<RelativePath[]> {
    const gone: RelativePath[] = []
    while (!this.#ended) {
      while (this.#at < this.#page.length) this.#pass(this.#page[this.#at++]!, gone)
      await this.#nextPage()
    }
    return gone
  }

  /** Compares from entry `i` on as far as the page reaches; returns the next entry that is not compared yet. */
  #compare(batch: ScanBatch, i: number, { changed, gone }: { changed: ScanEntry[]; gone: RelativePath[] }): number {
    const { paths } = batch
    for (; i < paths.length; i++) {
      const path = paths[i]!
      let order = 1
      while (this.#at < this.#page.length) {
        order = this.#page[this.#at]!.comparePathTo(path)
        if (order >= 0) break
        this.#pass(this.#page[this.#at++]!, gone)
      }
      // Whether the entry has a row, the next page says.
      if (this.#at === this.#page.length && !this.#ended) return i
      const row = order === 0 ? this.#page[this.#at++]! : null
      if (row === null || !isUnchanged(row, batch, i)) changed.push(batch.entryAt(i))
    }
    return i
  }

  #pass(row: Row, gone: RelativePath[]): void {
    if (row.live && !this.#isUnknown(row.path)) gone.push(row.path)
  }

  #isUnknown(path: RelativePath): boolean {
    if (this.#unknown.size === 0) return false
    for (let top: RelativePath | null = path; top !== null; top = parentPath(top)) {
      if (this.#unknown.has(top)) return true
    }
    return this.#unknown.has('')
  }

  async #nextPage(): Promise<void> {
    const next = await this.#rows.next()
    this.#ended = next.done === true
    this.#page = next.done === true ? [] : next.value
    this.#at = 0
  }
}

function isUnchanged(row: Row, batch: ScanBatch, i: number): boolean {
  return row.live && row.hasDisk((bytes, at) => batch.isSameAt(i, bytes, at))
}

async function* rowsFrom(index: FolderIndex, start: RelativePath): AsyncGenerator<readonly Row[]> {
  const top = await index.get(start)
  if (top !== null) yield [decodedRow(top)]
  yield* index.rowHeads({ below: start })
}

function decodedRow({ record, disk }: IndexRow): Row {
  return {
    path: record.path,
    live: isLive(record),
    comparePathTo: (path) => comparePaths(record.path, path),
    hasDisk: (isSame) => disk !== null && isSame(packStates([disk]), 0),
  }
}
