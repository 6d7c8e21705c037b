import type { DiskState } from '../model/disk-state.ts'
import type { EntryKind } from '../model/file-record.ts'
import { pathFromKey, type RelativePath } from '../model/relative-path.ts'
import { rowDisk, rowKind } from './row-codec.ts'

/**
 * A row of the index of which nothing is decoded before it is asked for: a merge of a million rows looks at the path and
 * the disk state of each and at nothing else. Keeps the page from which it comes; it is for looking at, not for keeping.
 */
export class LazyRow {
  readonly #key: Uint8Array
  readonly #row: Uint8Array
  #path: RelativePath | null = null

  /** Keeps both arrays. */
  constructor(key: Uint8Array, row: Uint8Array) {
    this.#key = key
    this.#row = row
  }

  get path(): RelativePath {
    this.#path ??= pathFromKey(this.#key)
    return this.#path
  }

  get kind(): EntryKind {
    return rowKind(this.#row)
  }

  /** False for a tombstone. */
  get live(): boolean {
    return this.kind !== 'tombstone'
  }

  /** Decoded anew at each call. */
  get disk(): DiskState | null {
    return rowDisk(this.#row)
  }
}
