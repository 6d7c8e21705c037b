import { assert } from '../model/errors.ts'
import { decodeSeq, encodeSeq } from './index-head.ts'

/** How far we have taken in a peer's log. */
export interface PeerState {
  /** 16 hex digits. */
  readonly epoch: string
  readonly seq: number
}

export function encodePeerState(state: PeerState): Uint8Array {
  const value = Buffer.concat([Buffer.from(state.epoch, 'hex'), encodeSeq(state.seq)])
  assert(value.length === 14, 'an epoch is 16 hex digits')
  return value
}

export function decodePeerState(value: Uint8Array): PeerState {
  return { epoch: Buffer.from(value.subarray(0, 8)).toString('hex'), seq: decodeSeq(value.subarray(8)) }
}
