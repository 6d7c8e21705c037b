import { hashBlock } from '../blocks/hash.ts'
import { blockHashToBytes } from '../model/block-hash.ts'

/** Bytes of a record's hash that go into its leaf. */
export const entryHashBytes = 16

/** What a leaf holds for each path: the path's key and the first 16 bytes of the hash of its encoded record. */
export interface TreeEntry {
  readonly key: Uint8Array
  readonly hash: Uint8Array
}

const leafLabel = Buffer.from('p2psync/merkle/leaf/1\0')
const nodeLabel = Buffer.from('p2psync/merkle/node/1\0')

/** The root of a tree without entries: 32 zero bytes. */
export const emptyRootHash: Uint8Array = new Uint8Array(32)

/** BLAKE3 of a label and of each entry in order: length of the key (2 bytes, big-endian), key, hash (16 bytes). */
export function leafHash(entries: readonly TreeEntry[]): Uint8Array {
  let length = leafLabel.length
  for (const entry of entries) length += 2 + entry.key.length + entryHashBytes
  const bytes = Buffer.allocUnsafe(length)
  let at = leafLabel.copy(bytes)
  for (const entry of entries) at = appendChild(bytes, at, entry.key, entry.hash)
  return ownHash(bytes)
}

/**
 * BLAKE3 of a label, the level (1 byte) and each of `nodes[from..to)` in order: length of its first key (2 bytes,
 * big-endian), first key, hash (32 bytes).
 */
export function nodeHash(
  level: number,
  nodes: readonly { readonly firstKey: Uint8Array; readonly hash: Uint8Array }[],
  from: number,
  to: number,
): Uint8Array {
  let length = nodeLabel.length + 1
  for (let i = from; i < to; i++) length += 2 + nodes[i]!.firstKey.length + nodes[i]!.hash.length
  const bytes = Buffer.allocUnsafe(length)
  let at = nodeLabel.copy(bytes)
  at = bytes.writeUInt8(level, at)
  for (let i = from; i < to; i++) at = appendChild(bytes, at, nodes[i]!.firstKey, nodes[i]!.hash)
  return ownHash(bytes)
}

function appendChild(bytes: Buffer, at: number, key: Uint8Array, hash: Uint8Array): number {
  bytes.writeUInt16BE(key.length, at)
  bytes.set(key, at + 2)
  bytes.set(hash, at + 2 + key.length)
  return at + 2 + key.length + hash.length
}

/**
 * The digest crosses over from native code as text in half the time of a byte array. It is kept for long: in an array of
 * its own it does not hold on to a slab of Node's pool.
 */
function ownHash(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(blockHashToBytes(hashBlock(bytes)))
}
