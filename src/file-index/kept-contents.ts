import { P2psyncError } from '../model/errors.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { blockHashFromBytes } from '../model/block-hash.ts'
import type { KeyValueStore, StoreEntry, StoreOperation } from '../ports/key-value-store.ts'
import { listRemovals, type ContentRooms } from './block-lists.ts'
import { keyRange, prefix, prefixed } from './index-keys.ts'
import type { RowContent } from './row-codec.ts'

/** An old version of a file in the folder's history. */
export interface KeptContent {
  readonly sizeBytes: number
  /** Where it is below `.p2psync/history`: the name of the apply that put it there comes first. */
  readonly place: string
}

/**
 * Which contents the history holds, so that blocks can be taken from there. It is a hint: whoever reads there checks what he
 * reads. Of several versions with one content the last is known.
 */
export class KeptContents {
  readonly #store: KeyValueStore
  /** False while the database is known to have none: look-ups then cost nothing. */
  #hasSome: boolean | null = null

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  /** In the order of `hashes` (32 bytes each). */
  async find(hashes: readonly Uint8Array[]): Promise<(KeptContent | null)[]> {
    if (hashes.length === 0 || !(await this.#mayHave())) return hashes.map(() => null)
    const rows = await this.#store.getMany(hashes.map((hash) => prefixed(prefix.kept, hash)))
    return rows.map((row) => (row === undefined ? null : decodeKept(row)))
  }

  async has(hash: Uint8Array): Promise<boolean> {
    return (await this.find([hash]))[0] !== null
  }

  /** What writes down that `content` is at `place`. */
  put(content: RowContent, place: string): StoreOperation {
    this.#hasSome = true
    const value = Buffer.alloc(sizeBytes + Buffer.byteLength(place))
    value.writeUIntBE(content.sizeBytes, 0, sizeBytes)
    value.write(place, sizeBytes)
    return { type: 'put', key: prefixed(prefix.kept, content.hash), value }
  }

  async #mayHave(): Promise<boolean> {
    if (this.#hasSome === null) {
      let found = false
      for await (const page of this.#store.pages({ ...keyRange(prefix.kept, nothing, null), limit: 1 }))
        found ||= page.length > 0
      // A commit may have been faster.
      this.#hasSome ??= found
    }
    return this.#hasSome
  }
}

/**
 * Forgets contents whose history is of an apply with a name before `keep`, and of those that no live file has their block
 * lists, in parts: `alone` lets nobody write meanwhile: then `unsure` is no.
 */
export async function forgetHistory(
  rooms: ContentRooms,
  keep: string,
  alone: <T>(work: () => Promise<T>) => Promise<T>,
): Promise<void> {
  for (let from: Uint8Array | null = nothing; from !== null;) {
    const start: Uint8Array = from
    from = await alone(async () => {
      const seen: StoreEntry[] = []
      const range = keyRange(prefix.kept, start, null)
      for await (const page of rooms.store.pages({ ...range, limit: rowsAtOnce }))
        for (const row of page) seen.push(row)
      const operations = await planForget(rooms, keep, seen)
      if (operations.length > 0) await rooms.store.batch(operations)
      return seen.length < rowsAtOnce ? null : Buffer.concat([seen.at(-1)![0].subarray(1), Uint8Array.of(0)])
    })
  }
}

async function planForget(
  { store, finder }: ContentRooms,
  keep: string,
  rows: readonly StoreEntry[],
): Promise<StoreOperation[]> {
  const operations: StoreOperation[] = []
  for (const [key, value] of rows) {
    const kept = decodeKept(value)
    if (kept.place.split('/', 1)[0]! >= keep) continue
    operations.push({ type: 'del', key })
    if (isSingleBlock(kept.sizeBytes)) continue
    const hash = key.subarray(1)
    const [holder] = await finder.find([{ hash: blockHashFromBytes(hash), single: false }])
    if (holder !== null && holder !== 'unsure') continue
    const removals = await listRemovals(store, { hash, sizeBytes: kept.sizeBytes }, new Set())
    for (const removal of removals) operations.push(removal)
  }
  return operations
}

const rowsAtOnce = 1000
const sizeBytes = 6
const nothing = new Uint8Array(0)

function decodeKept(value: Uint8Array): KeptContent {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (bytes.length <= sizeBytes) throw new P2psyncError('index-damaged', 'the index holds a version that is nowhere')
  return { sizeBytes: bytes.readUIntBE(0, sizeBytes), place: bytes.toString('utf8', sizeBytes) }
}
