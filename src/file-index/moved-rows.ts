import { hashBlock } from '../blocks/hash.ts'
import { blockHashToBytes } from '../model/block-hash.ts'
import { movedPath, type FolderMove } from '../model/folder-move.ts'
import { pathBytesMax } from '../model/limits.ts'
import { isLive, type FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import { entryHashBytes } from '../merkle/node-hash.ts'
import { decodeRow, rowHead, type IndexRow } from './row-codec.ts'
import { pathsBelow, type RowReader } from './row-reader.ts'

/** A live row that a move takes along, and the tombstone that its new path has, if any. */
export interface MovedRow {
  readonly row: IndexRow
  readonly target: FileRecord | null
}

export interface MovedRows {
  /** In path order, the folder itself first. */
  readonly rows: readonly MovedRow[]
  /** 32 bytes: equal for two devices that hold the same records at both ends of the move. */
  readonly before: Uint8Array
}

/** A larger folder is moved entry by entry. */
export const movedRowsMax = 200_000

/**
 * What a move of `from` to `to` would take along. Null where it cannot be one step: `from` is no live folder, something
 * lives at the new place, a path would get too long, or there is too much of it.
 */
export async function readMovedRows(
  reader: RowReader,
  move: Pick<FolderMove, 'from' | 'to'>,
): Promise<MovedRows | null> {
  const [top, ...tops] = await reader.getMany([move.from, move.to])
  if (top === undefined) return null
  const targets = new Map<RelativePath, Uint8Array>()
  for (const row of tops) if (row !== undefined) targets.set(move.to, row)
  for await (const page of reader.pages(pathsBelow(move.to))) {
    for (const { row } of page) {
      if (rowHead(row).live) return null
      targets.set(decodeRow(row).record.path, row)
    }
    if (targets.size > movedRowsMax) return null
  }
  const digest = new MoveDigest()
  const rows: MovedRow[] = []
  const take = (bytes: Uint8Array): boolean => {
    const row = decodeRow(bytes)
    if (!isLive(row.record)) return rows.length > 0
    const path = movedPath(row.record.path, move)
    if (path.length > pathBytesMax / 3 && Buffer.byteLength(path) > pathBytesMax) return false
    const target = targets.get(path)
    const there = target === undefined ? null : decodeRow(target).record
    if (there !== null && isLive(there)) return false
    digest.add(rowHead(bytes).hash, target === undefined ? null : rowHead(target).hash)
    rows.push({ row, target: there })
    return rows.length <= movedRowsMax
  }
  if (!take(top) || rows[0]?.row.record.kind !== 'folder') return null
  for await (const page of reader.pages(pathsBelow(move.from))) {
    for (const { row } of page) if (!take(row)) return null
  }
  return { rows, before: digest.finish() }
}

/** The hashes of the records one after the other, zeroes where the new path has none. */
class MoveDigest {
  #bytes = Buffer.alloc(4096)
  #length = 0

  add(hash: Uint8Array, targetHash: Uint8Array | null): void {
    if (this.#length + 2 * entryHashBytes > this.#bytes.length) {
      this.#bytes = Buffer.concat([this.#bytes, Buffer.alloc(this.#bytes.length)])
    }
    this.#bytes.set(hash, this.#length)
    if (targetHash !== null) this.#bytes.set(targetHash, this.#length + entryHashBytes)
    this.#length += 2 * entryHashBytes
  }

  finish(): Uint8Array {
    return blockHashToBytes(hashBlock(this.#bytes.subarray(0, this.#length)))
  }
}
