import type { DiskState } from '../model/disk-state.ts'
import type { EntryKind } from '../model/file-record.ts'
import { comparePaths, pathFromKey, type RelativePath } from '../model/relative-path.ts'
import { isLiveRow, rowDisk, rowDiskPlace, rowKind } from './row-codec.ts'

/** Where a page has a row and its key, which ends where the row begins. */
export interface RowPlace {
  readonly keyAt: number
  readonly rowAt: number
  readonly rowEnd: number
}

/**
 * A row of the index of which nothing is decoded before it is asked for: a merge of a million rows compares the path and
 * the disk state of each where they lie, and asks for nothing else. Keeps the page from which it comes; it is for looking
 * at, not for keeping.
 */
export class LazyRow {
  readonly #page: Uint8Array
  readonly #place: RowPlace
  #path: RelativePath | null = null

  /** Keeps the page. */
  constructor(page: Uint8Array, place: RowPlace) {
    this.#page = page
    this.#place = place
  }

  get path(): RelativePath {
    this.#path ??= pathFromKey(this.key)
    return this.#path
  }

  /** Of the path; a view of the page. */
  get key(): Uint8Array {
    return this.#page.subarray(this.#place.keyAt, this.#place.rowAt)
  }

  get kind(): EntryKind {
    return rowKind(this.#row)
  }

  /** False for a tombstone. */
  get live(): boolean {
    return isLiveRow(this.#page, this.#place.rowAt)
  }

  /** Decoded anew at each call. */
  get disk(): DiskState | null {
    return rowDisk(this.#row)
  }

  /** Orders the row's path and `path` as {@link comparePaths} does. */
  comparePathTo(path: RelativePath): number {
    const page = this.#page
    const { keyAt, rowAt } = this.#place
    const length = Math.min(rowAt - keyAt, path.length)
    for (let i = 0; i < length; i++) {
      const unit = path.charCodeAt(i)
      const byte = page[keyAt + i]!
      // Beyond ASCII a byte is no longer a character.
      if (unit >= 0x80 || byte >= 0x80) return comparePaths(this.path, path)
      const order = byte - (unit === slash ? 0 : unit)
      if (order !== 0) return order
    }
    return rowAt - keyAt - path.length
  }

  /** Whether `isSame` says so of the encoded disk state in `bytes` at `at`; false when the row has none. */
  hasDisk(isSame: (bytes: Uint8Array, at: number) => boolean): boolean {
    const at = rowDiskPlace(this.#page, this.#place.rowAt)
    return at !== null && isSame(this.#page, at)
  }

  get #row(): Uint8Array {
    return this.#page.subarray(this.#place.rowAt, this.#place.rowEnd)
  }
}

const slash = 47
