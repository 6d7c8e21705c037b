import { decodeBlockList } from '../blocks/block-list.ts'
import { blockHashBytes, blockHashFromBytes, blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { isSingleBlock } from '../model/file-record.ts'
import { mapInTurns } from '../model/next-turn.ts'
import { pathFromKey, privateFolderName, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import type { ContentAnswer, ContentFinder, WantedContent } from './content-finder.ts'
import { prefix, prefixed } from './index-keys.ts'
import type { KeptContent, KeptContents } from './kept-contents.ts'
import { keyText } from './key-text.ts'
import type { RowContent } from './row-codec.ts'

/** Where this disk has a block. */
export interface BlockLocation {
  /** Of a file of the folder, or of one in its history. */
  readonly path: RelativePath
  readonly offset: number
  readonly length: number
}

/** Where contents are found. */
export interface ContentRooms {
  readonly store: KeyValueStore
  readonly finder: ContentFinder
  readonly kept: KeptContents
}

/** A path of which the content changes. */
export interface ContentChange {
  readonly key: Uint8Array
  /** Null for what is no file. */
  readonly before: RowContent | null
  readonly after: RowContent | null
  /** The encoded list of `after`, where it has one and it is known. */
  readonly blockList: Uint8Array | null
  /** Where below `.p2psync/history` `before` is; null when it is not there. */
  readonly kept: string | null
}

/**
 * What becomes of block lists and their blocks with `changes` of each path once: a list stays as long as any path has it, or
 * the history.
 *
 * A block that several lists have is known by the last one that was committed; when that goes, so does the row: a hint is
 * lost, not a block.
 */
export async function planLists(
  { store, finder, kept }: ContentRooms,
  changes: readonly ContentChange[],
): Promise<StoreOperation[]> {
  const operations: StoreOperation[] = []
  const gone = new Map<string, RowContent>()
  const came = new Map<string, { content: RowContent; blockList: Uint8Array | null }>()
  for (const { before, after, blockList, kept: place } of changes) {
    if (before !== null && place !== null) operations.push(kept.put(before, place))
    if (before !== null && !isSingleBlock(before.sizeBytes)) gone.set(keyText(before.hash), before)
    if (after === null || isSingleBlock(after.sizeBytes)) continue
    const text = keyText(after.hash)
    came.set(text, { content: after, blockList: came.get(text)?.blockList ?? blockList })
  }
  for (const { before, kept: place } of changes)
    if (before !== null && place !== null) gone.delete(keyText(before.hash))
  for (const text of came.keys()) gone.delete(text)
  const puts: StoreOperation[] = []
  const known = new Set<string>()
  for (const { content, blockList } of came.values()) {
    if (blockList === null || (await store.get(listKey(content.hash))) !== undefined) continue
    // A file of 1 GiB has 14,000 blocks.
    for (const put of await mapInTurns(listPuts(content, blockList, known), (each) => each)) puts.push(put)
  }
  if (gone.size > 0) {
    const lists = [...gone.values()]
    const besides = new Set(changes.map(({ key }) => keyText(key)))
    const wanted = lists.map(({ hash }): WantedContent => ({ hash: blockHashFromBytes(hash), single: false }))
    const holders = await finder.find(wanted, besides)
    for (const [i, list] of lists.entries()) {
      if (holderOf(holders[i]!) !== null || (await kept.has(list.hash))) continue
      for (const removal of await listRemovals(store, list, known)) operations.push(removal)
    }
  }
  return operations.concat(puts)
}

/**
 * Where this disk has each of these blocks: in a file that is that block, or inside of a larger one; live, or in history.
 * Paths whose key is in `besides` do not count.
 */
export async function locateBlocks(
  { store, finder, kept }: ContentRooms,
  hashes: readonly BlockHash[],
  besides: ReadonlySet<string> = new Set(),
): Promise<(BlockLocation | 'unsure' | null)[]> {
  const files = await finder.find(
    hashes.map((hash) => ({ hash, single: true })),
    besides,
  )
  const locations = files.map((answer): BlockLocation | 'unsure' | null => {
    const found = holderOf(answer)
    if (found === null) return answer === 'unsure' ? answer : null
    return { path: pathFromKey(found.key), offset: 0, length: found.content.sizeBytes }
  })
  const others = hashes.flatMap((hash, i) => (holderOf(files[i]!) === null ? [{ i, hash }] : []))
  const rows = await store.getMany(others.map(({ hash }) => prefixed(prefix.block, blockHashToBytes(hash))))
  const inLists = others.flatMap(({ i }, n) => (rows[n] === undefined ? [] : [{ i, row: Buffer.from(rows[n]) }]))
  const lists = [...new Set(inLists.map(({ row }) => blockHashFromBytes(row.subarray(0, blockHashBytes))))]
  const holders = await finder.find(
    lists.map((hash) => ({ hash, single: false })),
    besides,
  )
  const old = await kept.find(lists.map(blockHashToBytes))
  for (const { i, row } of inLists) {
    const list = lists.indexOf(blockHashFromBytes(row.subarray(0, blockHashBytes)))
    const found = holderOf(holders[list]!)
    const path = found === null ? historyPath(old[list]!) : pathFromKey(found.key)
    if (path === null) locations[i] ??= holders[list] === null ? null : 'unsure'
    else {
      const offset = row.readUIntBE(blockHashBytes, 6)
      locations[i] = { path, offset, length: row.readUInt32BE(blockHashBytes + 6) }
    }
  }
  const missing = hashes.flatMap((hash, i) => (locations[i] === null ? [{ i, hash }] : []))
  const versions = await kept.find(missing.map(({ hash }) => blockHashToBytes(hash)))
  for (const [n, { i }] of missing.entries()) {
    const path = historyPath(versions[n]!)
    const length = versions[n]?.sizeBytes ?? 0
    if (path !== null && isSingleBlock(length)) locations[i] = { path, offset: 0, length }
  }
  return locations
}

function historyPath(kept: KeptContent | null): RelativePath | null {
  return kept === null ? null : (`${privateFolderName}/history/${kept.place}` as RelativePath)
}

/** The key of a content's (32 bytes) block list. */
export function listKey(content: Uint8Array): Uint8Array {
  return prefixed(prefix.list, content)
}

function holderOf(answer: ContentAnswer): Exclude<ContentAnswer, 'unsure'> {
  return answer === 'unsure' ? null : answer
}

/** Adds the hashes of the blocks to `known`, as {@link keyText}. */
function* listPuts(content: RowContent, blockList: Uint8Array, known: Set<string>): Generator<StoreOperation> {
  yield { type: 'put', key: listKey(content.hash), value: blockList }
  const list = decodeBlockList(blockList, content.sizeBytes)
  for (let i = 0; i < list.count; i++) {
    const value = Buffer.allocUnsafe(blockHashBytes + 10)
    value.set(content.hash)
    value.writeUIntBE(list.offsetAt(i), blockHashBytes, 6)
    value.writeUInt32BE(list.lengthAt(i), blockHashBytes + 6)
    const hash = list.hashBytesAt(i)
    known.add(keyText(hash))
    yield { type: 'put', key: prefixed(prefix.block, hash), value }
  }
}

/** Rows of blocks in `written` are left to whoever writes them: of an edited file that is nearly all. */
export async function listRemovals(
  store: KeyValueStore,
  content: RowContent,
  written: ReadonlySet<string>,
): Promise<StoreOperation[]> {
  const key = listKey(content.hash)
  const encoded = await store.get(key)
  if (encoded === undefined) return []
  const removals: StoreOperation[] = [{ type: 'del', key }]
  const list = decodeBlockList(encoded, content.sizeBytes)
  const blocks = Array.from({ length: list.count }, (_, i) => list.hashBytesAt(i))
  const hashes = blocks.filter((hash) => !written.has(keyText(hash)))
  for (let at = 0; at < hashes.length; at += 1000) {
    const keys = hashes.slice(at, at + 1000).map((hash) => prefixed(prefix.block, hash))
    const rows = await store.getMany(keys)
    for (const [i, row] of rows.entries()) {
      const ours = row !== undefined && Buffer.compare(row.subarray(0, blockHashBytes), content.hash) === 0
      if (ours) removals.push({ type: 'del', key: keys[i]! })
    }
  }
  return removals
}
