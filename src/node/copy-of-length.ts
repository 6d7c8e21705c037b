import { P2psyncError } from '../model/errors.ts'

/** A copy of bytes of a frame. @throws {P2psyncError} `bad-message` unless there are `length` of them. */
export function copyOfLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new P2psyncError('bad-message', `${bytes.length} bytes where ${length} belong`)
  return bytes.slice()
}
