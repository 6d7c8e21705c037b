import { assert } from '../model/errors.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { decodeSeq, encodeSeq } from './index-head.ts'
import { keyRange, prefix } from './index-keys.ts'

/** How far we have taken in a peer's log. */
export interface PeerState {
  /** 16 hex digits. */
  readonly epoch: string
  readonly seq: number
}

/** What forgets how far all peers' logs were taken in: then their trees are compared with ours as if we had never met. */
export async function planPeerStatesAway(store: KeyValueStore): Promise<StoreOperation[]> {
  const operations: StoreOperation[] = []
  for await (const page of store.pages(keyRange(prefix.peer, nothing, null))) {
    for (const [key] of page) operations.push({ type: 'del', key })
  }
  return operations
}

const nothing = new Uint8Array(0)

export function encodePeerState(state: PeerState): Uint8Array {
  const value = Buffer.concat([Buffer.from(state.epoch, 'hex'), encodeSeq(state.seq)])
  assert(value.length === 14, 'an epoch is 16 hex digits')
  return value
}

export function decodePeerState(value: Uint8Array): PeerState {
  return { epoch: Buffer.from(value.subarray(0, 8)).toString('hex'), seq: decodeSeq(value.subarray(8)) }
}
