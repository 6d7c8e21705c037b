import { createHash } from 'node:crypto'

/** Bytes that anyone can make again: SHA-256(`seed` || n as 4 bytes, big-endian) for n = 0, 1, ..., one after the other. */
export function pseudoRandom(seed: string, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(lengthBytes / 32) * 32)
  const counter = Buffer.alloc(4)
  for (let i = 0; i * 32 < lengthBytes; i++) {
    counter.writeUInt32BE(i)
    bytes.set(createHash('sha256').update(seed).update(counter).digest(), i * 32)
  }
  return bytes.subarray(0, lengthBytes)
}
