import { decodeBlockList, type BlockList } from '../blocks/block-list.ts'
import { blockHashBytes, blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { pathFromKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { extraKey, keyRange, prefix, prefixed } from './index-keys.ts'
import { readRange } from './read-range.ts'
import type { RowContent } from './row-codec.ts'

/** Where this disk has a block. */
export interface BlockLocation {
  readonly path: RelativePath
  readonly offset: number
  readonly length: number
}

/** A path whose content changes. */
export interface ContentChange {
  readonly key: Uint8Array
  /** Null for what is no file. */
  readonly before: RowContent | null
  readonly after: RowContent | null
  /** The encoded list of `after`, where it has one and it is known. */
  readonly blockList: Uint8Array | null
}

/**
 * Keeps account, for `changes` of each path once, of which paths have which content, and of the blocks of block lists. One path of each content stands in
 * the content's own row, so that a lookup is a single key; the others have rows of their own and step in when it goes.
 *
 * A block that several lists have is known by the last one that was committed; when that goes, so does the row: a hint is
 * lost, not a block.
 */
export async function planContents(store: KeyValueStore, changes: readonly ContentChange[]): Promise<StoreOperation[]> {
  const touched = [...collect(changes).values()].sort((a, b) => Buffer.compare(a.id, b.id))
  const rows = await store.getMany(touched.map((use) => contentKey(use.id)))
  const removals: StoreOperation[] = []
  const puts: StoreOperation[] = []
  const gone: ContentUse[] = []
  for (const [i, use] of touched.entries()) {
    const before = decodeContent(rows[i])
    const after = await settle(store, use, before, removals, puts)
    if (after.first === null) {
      removals.push({ type: 'del', key: contentKey(use.id) })
      if (after.hasList) gone.push(use)
      continue
    }
    const lists = !after.hasList && use.blockList !== null
    if (lists) for (const put of listPuts(use)) puts.push(put)
    puts.push({
      type: 'put',
      key: contentKey(use.id),
      value: encodeContent({ ...after, hasList: after.hasList || lists }),
    })
  }
  for (const use of gone) for (const removal of await listRemovals(store, use)) removals.push(removal)
  // A block of a list that goes may be in one that comes: puts after removals.
  return removals.concat(puts)
}

/** Where this disk has each of these blocks: in a file that is that block, or inside of a larger one. */
export async function locateBlocks(
  store: KeyValueStore,
  hashes: readonly BlockHash[],
): Promise<(BlockLocation | null)[]> {
  const bytes = hashes.map(blockHashToBytes)
  const found = await store.getMany([
    ...bytes.map((hash) => contentKey(contentId(hash, true))),
    ...bytes.map((hash) => prefixed(prefix.block, hash)),
  ])
  const locations = hashes.map((_, i): BlockLocation | null => {
    const { first, sizeBytes } = decodeContent(found[i])
    return first === null ? null : { path: pathFromKey(first), offset: 0, length: sizeBytes }
  })
  const inLists: { i: number; row: Buffer }[] = []
  for (let i = 0; i < hashes.length; i++) {
    const row = found[hashes.length + i]
    if (locations[i] === null && row !== undefined) inLists.push({ i, row: Buffer.from(row) })
  }
  const holders = await store.getMany(
    inLists.map(({ row }) => contentKey(contentId(row.subarray(0, blockHashBytes), false))),
  )
  for (const [n, { i, row }] of inLists.entries()) {
    const { first } = decodeContent(holders[n])
    if (first === null) continue
    const offset = row.readUIntBE(blockHashBytes, 6)
    locations[i] = { path: pathFromKey(first), offset, length: row.readUInt32BE(blockHashBytes + 6) }
  }
  return locations
}

/** A path whose file has this content, or null. */
export async function pathOfContent(store: KeyValueStore, content: BlockHash): Promise<RelativePath | null> {
  const hash = blockHashToBytes(content)
  const rows = await store.getMany([contentKey(contentId(hash, false)), contentKey(contentId(hash, true))])
  const key = decodeContent(rows[0]).first ?? decodeContent(rows[1]).first
  return key === null ? null : pathFromKey(key)
}

/** The key of a content's (32 bytes) block list. */
export function listKey(content: Uint8Array): Uint8Array {
  return prefixed(prefix.list, content)
}

/** What a batch does to one content. */
interface ContentUse {
  /** The hash and whether it is of the bytes (1) or of a list (0): a file may hold the very bytes of another's list. */
  readonly id: Uint8Array
  readonly content: Uint8Array
  readonly sizeBytes: number
  blockList: Uint8Array | null
  readonly added: Uint8Array[]
  readonly removed: Map<string, Uint8Array>
}

interface ContentRow {
  /** Null when no path has it. */
  readonly first: Uint8Array | null
  readonly extras: number
  readonly hasList: boolean
  readonly sizeBytes: number
}

function collect(changes: readonly ContentChange[]): Map<string, ContentUse> {
  const uses = new Map<string, ContentUse>()
  for (const { key, before, after, blockList } of changes) {
    const old = before === null ? null : useOf(uses, before)
    const fresh = after === null ? null : useOf(uses, after)
    if (fresh !== null) fresh.blockList ??= isSingleBlock(fresh.sizeBytes) ? null : blockList
    if (old === fresh) continue
    old?.removed.set(keyText(key), key)
    fresh?.added.push(key)
  }
  for (const [name, use] of uses) if (use.added.length + use.removed.size === 0) uses.delete(name)
  return uses
}

function useOf(uses: Map<string, ContentUse>, { hash, sizeBytes }: RowContent): ContentUse {
  const id = contentId(hash, isSingleBlock(sizeBytes))
  const name = keyText(id)
  let use = uses.get(name)
  if (use === undefined) {
    use = { id, content: hash, sizeBytes, blockList: null, added: [], removed: new Map() }
    uses.set(name, use)
  }
  return use
}

/** Which path stands for the content after the batch, and how many others there are. */
async function settle(
  store: KeyValueStore,
  use: ContentUse,
  before: ContentRow,
  removals: StoreOperation[],
  puts: StoreOperation[],
): Promise<ContentRow> {
  let { first, extras } = before
  for (const [text, key] of use.removed) {
    if (first !== null && keyText(first) === text) first = null
    else {
      removals.push({ type: 'del', key: extraKey(use.id, key) })
      extras--
    }
  }
  const added = use.added.slice()
  first ??= added.shift() ?? null
  if (first === null && extras > 0) {
    const range = keyRange(prefix.extra, use.id, firstBehind(use.id))
    const rows = await readRange(store, { ...range, limit: use.removed.size + 1 })
    const heir = rows.map(([key]) => key.subarray(1 + use.id.length)).find((key) => !use.removed.has(keyText(key)))
    if (heir !== undefined) {
      first = heir
      extras--
      removals.push({ type: 'del', key: extraKey(use.id, heir) })
    }
  }
  for (const key of added) puts.push({ type: 'put', key: extraKey(use.id, key), value: nothing })
  return { first, extras: extras + added.length, hasList: before.hasList, sizeBytes: use.sizeBytes }
}

function* listPuts(use: ContentUse): Generator<StoreOperation> {
  yield { type: 'put', key: listKey(use.content), value: use.blockList! }
  const list = decodeBlockList(use.blockList!, use.sizeBytes)
  for (let i = 0; i < list.count; i++) {
    const value = Buffer.allocUnsafe(blockHashBytes + 10)
    value.set(use.content)
    value.writeUIntBE(list.offsetAt(i), blockHashBytes, 6)
    value.writeUInt32BE(list.lengthAt(i), blockHashBytes + 6)
    yield { type: 'put', key: blockKey(list, i), value }
  }
}

async function listRemovals(store: KeyValueStore, use: ContentUse): Promise<StoreOperation[]> {
  const key = listKey(use.content)
  const encoded = await store.get(key)
  if (encoded === undefined) return []
  const removals: StoreOperation[] = [{ type: 'del', key }]
  const list = decodeBlockList(encoded, use.sizeBytes)
  for (let at = 0; at < list.count; at += 1000) {
    const keys = Array.from({ length: Math.min(1000, list.count - at) }, (_, i) => blockKey(list, at + i))
    const rows = await store.getMany(keys)
    for (const [i, row] of rows.entries()) {
      const ours = row !== undefined && Buffer.compare(row.subarray(0, blockHashBytes), use.content) === 0
      if (ours) removals.push({ type: 'del', key: keys[i]! })
    }
  }
  return removals
}

function blockKey(list: BlockList, index: number): Uint8Array {
  return prefixed(prefix.block, blockHashToBytes(list.hashAt(index)))
}

const nothing = new Uint8Array(0)

function contentId(hash: Uint8Array, single: boolean): Uint8Array {
  return Buffer.concat([hash, Uint8Array.of(single ? 1 : 0)])
}

function contentKey(id: Uint8Array): Uint8Array {
  return prefixed(prefix.content, id)
}

/** The first key after all that begin with `id`. */
function firstBehind(id: Uint8Array): Uint8Array {
  const end = Buffer.from(id)
  end[end.length - 1]!++
  return end
}

/** The bytes of a key as text, to tell keys apart in maps. */
export function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

const contentHeadBytes = 11

function encodeContent(row: ContentRow): Uint8Array {
  const bytes = Buffer.allocUnsafe(contentHeadBytes + row.first!.length)
  bytes.writeUIntBE(row.sizeBytes, 0, 6)
  bytes.writeUInt32BE(row.extras, 6)
  bytes.writeUInt8(row.hasList ? 1 : 0, 10)
  bytes.set(row.first!, contentHeadBytes)
  return bytes
}

function decodeContent(row: Uint8Array | undefined): ContentRow {
  if (row === undefined) return { first: null, extras: 0, hasList: false, sizeBytes: 0 }
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength)
  return {
    first: bytes.subarray(contentHeadBytes),
    extras: bytes.readUInt32BE(6),
    hasList: bytes[10] === 1,
    sizeBytes: bytes.readUIntBE(0, 6),
  }
}
