import { describe, expect, it } from 'vitest'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { shortFormOf } from '../../src/blocks/short-list.ts'
import {
  decodeBlockReply,
  encodeReplyHeader,
  type BlockReply,
  type BlockRequest,
} from '../../src/node/block-messages.ts'
import { fetchList } from '../../src/node/fetch-list.ts'

const count = 4000

function blocksOf(seed: number): { hash: ReturnType<typeof hashBlock>; length: number }[] {
  return Array.from({ length: count }, (_, i) => ({ hash: hashBlock(Buffer.from(`${seed} ${i}`)), length: 100 + i }))
}

/** A peer that holds one list. */
class Holder {
  sentBytes = 0
  requests = 0
  readonly #list: Uint8Array

  constructor(list: Uint8Array) {
    this.#list = list
  }

  request = (request: BlockRequest): Promise<BlockReply> => {
    if (request.type !== 'list') throw new Error('blocks are not asked for here')
    const whole = request.isShort ? shortFormOf(this.#list) : this.#list
    const isHere = request.content === hashBlock(this.#list) && request.offset < whole.length
    const part = isHere ? whole.subarray(request.offset, request.offset + request.length) : new Uint8Array(0)
    this.requests++
    this.sentBytes += part.length
    return Promise.resolve(decodeBlockReply(Buffer.concat([encodeReplyHeader([isHere]), part]), 1))
  }
}

describe('the block list of another version', () => {
  const old = blocksOf(1)
  const basis = encodeBlockList(old)

  it('costs a sixth of the whole when a few blocks differ', async () => {
    const fresh = blocksOf(2)
    const wanted = old.map((block, i) => (i === 17 || i === 18 || i === 3000 ? fresh[i]! : block))
    const list = encodeBlockList(wanted)
    const peer = new Holder(list)
    expect(Buffer.from(await fetchList(peer, hashBlock(list), basis)).equals(list)).toBe(true)
    expect(peer.requests).toBe(3)
    expect(peer.sentBytes).toBe(count * 6 + 3 * 36)
  })

  it('is fetched whole when there is little in common', async () => {
    const list = encodeBlockList(blocksOf(2))
    const peer = new Holder(list)
    expect(Buffer.from(await fetchList(peer, hashBlock(list), basis)).equals(list)).toBe(true)
    expect(peer.sentBytes).toBe(count * 6 + list.length)
  })

  it('is fetched whole when a short hash stands for another block', async () => {
    const twin = Buffer.from(basis)
    // The last byte of a hash is not in its short form.
    const at = 6 + 36 * 5 + 31
    twin[at] = twin[at]! ^ 1
    const peer = new Holder(basis)
    expect(Buffer.from(await fetchList(peer, hashBlock(basis), twin)).equals(basis)).toBe(true)
    expect(peer.requests).toBe(2)
  })

  it('is fetched whole when nothing is known of an earlier one', async () => {
    const peer = new Holder(basis)
    expect(Buffer.from(await fetchList(peer, hashBlock(basis), null)).equals(basis)).toBe(true)
    expect(peer.requests).toBe(1)
  })

  it('that is not what its name says is refused, and so is one that is not there', async () => {
    const peer = new Holder(basis)
    await expect(fetchList(peer, hashBlock(Uint8Array.of(1)), null)).rejects.toThrow('no longer has this file')
    const liar = {
      request: (request: BlockRequest) => peer.request({ ...request, content: hashBlock(basis) } as BlockRequest),
    }
    await expect(fetchList(liar, hashBlock(Uint8Array.of(1)), basis)).rejects.toThrow('not what it should be')
  })
})
