import { P2psyncError } from '../model/errors.ts'
import { blockHashBytes } from '../model/block-hash.ts'
import { blockCountMax, entryBytes, listHeader } from './block-list.ts'

/** Of each block's hash so many bytes are told, and not its length. */
const shortEntryBytes = 6

/**
 * The short form of an encoded block list: the first 6 bytes of each hash, one after the other. Whoever holds another
 * version of the file finds most of its blocks in that, and asks for the entries of the others: a sixth of the list.
 */
export function shortFormOf(encoded: Uint8Array): Uint8Array {
  const count = (encoded.length - listHeader.length) / entryBytes
  const short = new Uint8Array(count * shortEntryBytes)
  for (let i = 0; i < count; i++) {
    const at = listHeader.length + i * entryBytes
    short.set(encoded.subarray(at, at + shortEntryBytes), i * shortEntryBytes)
  }
  return short
}

/** Entries of a list that follow one another. */
export interface ListGap {
  /** In the encoded list, in bytes. */
  readonly offset: number
  readonly length: number
}

/** A block list that is known but for its gaps. Nothing is sure before its hash has been compared. */
export interface GuessedList {
  readonly encoded: Uint8Array
  readonly gaps: readonly ListGap[]
}

/**
 * The list with this short form, as far as `basis`, the encoded list of another version, has its blocks.
 *
 * @throws {P2psyncError} `bad-message` when `short` is no short form.
 */
export function guessList(short: Uint8Array, basis: Uint8Array): GuessedList {
  const count = short.length / shortEntryBytes
  if (!Number.isInteger(count) || count > blockCountMax) throw new P2psyncError('bad-message', 'no short block list')
  const known = entriesByPrefix(basis)
  const encoded = new Uint8Array(listHeader.length + count * entryBytes)
  encoded.set(listHeader)
  const gaps: { offset: number; length: number }[] = []
  for (let i = 0; i < count; i++) {
    const from = known.get(prefixAt(short, i * shortEntryBytes))
    const at = listHeader.length + i * entryBytes
    if (from !== undefined) encoded.set(basis.subarray(from, from + entryBytes), at)
    else {
      const last = gaps.at(-1)
      if (last !== undefined && last.offset + last.length === at) last.length += entryBytes
      else gaps.push({ offset: at, length: entryBytes })
    }
  }
  return { encoded, gaps }
}

/** Where the entries of a list are, by the first bytes of their hashes. */
function entriesByPrefix(encoded: Uint8Array): ReadonlyMap<number, number> {
  const places = new Map<number, number>()
  for (let at = listHeader.length; at + blockHashBytes <= encoded.length; at += entryBytes) {
    places.set(prefixAt(encoded, at), at)
  }
  return places
}

function prefixAt(bytes: Uint8Array, at: number): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset + at, shortEntryBytes).readUIntBE(0, shortEntryBytes)
}
