import { guessList } from '../blocks/short-list.ts'
import { hashBlock } from '../blocks/hash.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import { blockListBytesMax } from '../model/limits.ts'
import type { BlockClient } from './block-client.ts'
import { listPartBytesMax } from './block-messages.ts'

/** With more than this the whole list is asked for: each gap is a request. */
const gapsMax = 64

/**
 * The encoded block list whose hash is `content`, which is no longer than `bytesMax`, from one peer. With `basis`, the list of another version of the file
 * that is here, its short form is asked for first and then what that leaves open.
 *
 * @throws {P2psyncError} `peer-gone` when the peer has not got it, `bad-message` when it sends something else.
 */
export async function fetchList(
  client: Pick<BlockClient, 'request'>,
  content: BlockHash,
  basis: Uint8Array | null,
  bytesMax = blockListBytesMax,
): Promise<Uint8Array> {
  const guessed = basis === null ? null : await fetchByGuess(client, { content, bytesMax }, basis)
  if (guessed !== null) return guessed
  const list = await fetchRange(client, { content, isShort: false, offset: 0, length: bytesMax })
  if (hashBlock(list) !== content) throw new P2psyncError('bad-message', 'a block list that is not what it should be')
  return list
}

/** Null when the two versions have too little in common, or what came does not make the list. */
async function fetchByGuess(
  client: Pick<BlockClient, 'request'>,
  { content, bytesMax }: { readonly content: BlockHash; readonly bytesMax: number },
  basis: Uint8Array,
): Promise<Uint8Array | null> {
  const short = await fetchRange(client, { content, isShort: true, offset: 0, length: bytesMax })
  const { encoded, gaps } = guessList(short, basis)
  let gapBytes = 0
  for (const gap of gaps) gapBytes += gap.length
  if (gaps.length > gapsMax || gapBytes > encoded.length / 2) return null
  await Promise.all(
    gaps.map(async (gap) => {
      const part = await fetchRange(client, { content, isShort: false, ...gap })
      if (part.length === gap.length) encoded.set(part, gap.offset)
    }),
  )
  return hashBlock(encoded) === content ? encoded : null
}

interface ListRange {
  readonly content: BlockHash
  readonly isShort: boolean
  readonly offset: number
  readonly length: number
}

/** A range of a list or of its short form, in parts; it ends where the list does. */
async function fetchRange(client: Pick<BlockClient, 'request'>, range: ListRange): Promise<Uint8Array> {
  const { content, isShort } = range
  const parts: Uint8Array[] = []
  for (let offset = range.offset; offset < range.offset + range.length;) {
    const length = Math.min(range.offset + range.length - offset, listPartBytesMax)
    const reply = await client.request({ type: 'list', content, isShort, offset, length }, { blocks: 1, bytes: length })
    if (reply.found[0] !== true) throw new P2psyncError('peer-gone', 'the device no longer has this file')
    const part = reply.frame.subarray(reply.bytesAt)
    parts.push(part)
    offset += part.length
    if (part.length < length) break
  }
  return Buffer.concat(parts)
}
