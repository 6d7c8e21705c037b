import { P2psyncError } from './errors.ts'

/**
 * Who counts in a version vector: one device in one life of its database, as 32 lowercase hex digits. The first 16 are
 * the device's, the last 16 are drawn anew with each new or restored database, so that a counter is never used twice.
 */
export type WriterId = string & { readonly __brand: 'WriterId' }

export const writerIdBytes = 16

/** `deviceTag` are 8 bytes derived from the device's id, `incarnation` 8 random bytes. */
export function makeWriterId(deviceTag: Uint8Array, incarnation: Uint8Array): WriterId {
  if (deviceTag.length !== 8 || incarnation.length !== 8) throw new RangeError('a writer id is made of 8 + 8 bytes')
  return writerIdFromBytes(Buffer.concat([deviceTag, incarnation]))
}

/** @throws {P2psyncError} `bad-message` unless `bytes` are 16. */
export function writerIdFromBytes(bytes: Uint8Array): WriterId {
  if (bytes.length !== writerIdBytes) throw new P2psyncError('bad-message', `a writer id of ${bytes.length} bytes`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex') as WriterId
}

export function writerIdToBytes(writer: WriterId): Uint8Array {
  return Buffer.from(writer, 'hex')
}
