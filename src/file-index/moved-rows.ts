import { hashBlock } from '../blocks/hash.ts'
import { blockHashToBytes } from '../model/block-hash.ts'
import { diskStateBytes } from '../model/disk-state-codec.ts'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'
import { pathBytesMax } from '../model/limits.ts'
import { mapInTurns } from '../model/next-turn.ts'
import type { PackedTree } from '../model/packed-states.ts'
import { pathFromKey, pathKey, type RelativePath } from '../model/relative-path.ts'
import { entryHashBytes } from '../merkle/node-hash.ts'
import type { PageEntry } from './leaf-page.ts'
import { decodeRow, isLiveRow, rowDiskPlace, rowHead, rowKind, type IndexRow } from './row-codec.ts'
import { pathsBelow, type RowReader } from './row-reader.ts'

/** A live row that a move takes along, and the tombstone that its new path has, if any. */
export interface MovedRow {
  readonly row: IndexRow
  readonly target: FileRecord | null
}

/** A larger folder is moved entry by entry. */
export const movedRowsMax = 200_000

interface EncodedRow {
  /** The end of the path's key, from the separator behind the folder on; empty for the folder. */
  readonly name: Uint8Array
  readonly row: Uint8Array
  readonly target: Uint8Array | null
}

/** The rows that a move or removal takes along, as they were when it was asked for them. */
export class MovedRows {
  /** 32 bytes: equal for two devices that hold the same records at both ends of the move. */
  readonly before: Uint8Array
  readonly #encoded: readonly EncodedRow[]
  #decoded: readonly MovedRow[] | null = null

  constructor(encoded: readonly EncodedRow[]) {
    this.#encoded = encoded
    this.before = digestOf(encoded)
  }

  /** How many there are, the folder itself included. */
  get size(): number {
    return this.#encoded.length
  }

  /** The row of the folder itself. */
  get top(): IndexRow {
    return decodeRow(this.#encoded[0]!.row)
  }

  /** In path order, the folder itself first. Decoded when first asked for, unless {@link decode} has done it by and by. */
  get rows(): readonly MovedRow[] {
    this.#decoded ??= this.#encoded.map(decoded)
    return this.#decoded
  }

  /** False when one of the rows is not on the disk. */
  get areOnDisk(): boolean {
    return this.#encoded.every(({ row }) => rowDiskPlace(row, 0) !== null)
  }

  /** What the disk held below the folder. Null unless {@link areOnDisk}. */
  async onDisk(): Promise<PackedTree | null> {
    const below = this.#encoded.slice(1)
    const states = new Uint8Array(below.length * diskStateBytes)
    if (!this.areOnDisk) return null
    let end = 0
    const paths = await mapInTurns(below, ({ name, row }) => {
      const at = rowDiskPlace(row, 0)!
      states.set(row.subarray(at, at + diskStateBytes), end)
      end += diskStateBytes
      return pathFromKey(name.subarray(1))
    })
    return { paths: paths.join('\0'), states }
  }

  /** What `map` makes of each of {@link rows}, in their order. They are not kept. */
  mapEach<Result>(map: (row: IndexRow) => Result): Promise<Result[]> {
    return mapInTurns(this.#encoded, ({ row }) => map(decodeRow(row)))
  }

  async decode(): Promise<void> {
    this.#decoded ??= await mapInTurns(this.#encoded, decoded)
  }

  /** Of a row in {@link rows}: as `LazyRow.hasDisk`. */
  hasDisk(index: number, isSame: (bytes: Uint8Array, at: number) => boolean): boolean {
    const { row } = this.#encoded[index]!
    const at = rowDiskPlace(row, 0)
    return at !== null && isSame(row, at)
  }
}

function decoded({ row, target }: EncodedRow): MovedRow {
  return { row: decodeRow(row), target: target === null ? null : decodeRow(target).record }
}

/**
 * What a move of `from` to `to`, or its removal, would take along. Null where it cannot be one step: `from` is no live folder, something
 * lives at the new place, a path would get too long, or there is too much of it.
 */
export async function readMovedRows(
  reader: RowReader,
  move: Pick<FolderMove, 'from' | 'to'>,
): Promise<MovedRows | null> {
  const [top, topTarget] = await reader.getMany(move.to === null ? [move.from] : [move.from, move.to])
  if (top === undefined || rowKind(top) !== 'folder') return null
  if (topTarget !== undefined && isLiveRow(topTarget, 0)) return null
  const encoded: EncodedRow[] = [{ name: new Uint8Array(0), row: top, target: topTarget ?? null }]
  const targets = move.to === null ? [] : await targetsBelow(reader, move.to)
  if (targets === null) return null
  const [fromBytes, toBytes] = [pathKey(move.from).length, move.to === null ? 0 : pathKey(move.to).length]
  let at = 0
  for await (const page of reader.pages(pathsBelow(move.from))) {
    for (const { key, row } of page) {
      if (!isLiveRow(row, 0)) continue
      const name = key.subarray(fromBytes)
      if (name.length + toBytes > pathBytesMax) return null
      while (at < targets.length && Buffer.compare(targets[at]!.key.subarray(toBytes), name) < 0) at++
      const target = targets[at]
      const isSame = target !== undefined && Buffer.compare(target.key.subarray(toBytes), name) === 0
      encoded.push({ name, row, target: isSame ? target.row : null })
    }
    if (encoded.length > movedRowsMax) return null
  }
  return new MovedRows(encoded)
}

/** What is known below the new place; null when something lives there. */
async function targetsBelow(reader: RowReader, to: RelativePath): Promise<readonly PageEntry[] | null> {
  const targets: PageEntry[] = []
  for await (const page of reader.pages(pathsBelow(to))) {
    for (const entry of page) {
      if (isLiveRow(entry.row, 0)) return null
      targets.push(entry)
    }
    if (targets.length > movedRowsMax) return null
  }
  return targets
}

/** Of the hashes of the records one after the other, each followed by that of its target, or by zeroes. */
function digestOf(encoded: readonly EncodedRow[]): Uint8Array {
  const bytes = Buffer.alloc(encoded.length * 2 * entryHashBytes)
  for (const [i, { row, target }] of encoded.entries()) {
    bytes.set(rowHead(row).hash, 2 * i * entryHashBytes)
    if (target !== null) bytes.set(rowHead(target).hash, (2 * i + 1) * entryHashBytes)
  }
  return blockHashToBytes(hashBlock(bytes))
}
