/**
 * Buffers of about a mebibyte go round between the threads and the network instead of being made for each use: fresh
 * ones cost page faults, and those that cross threads are only freed by the slow collector of the old generation.
 */

/** Smaller arrays are not worth it. */
export const reusedBytesMin = 64 * 1024
/** One size for all but the frames of very large blocks, so that any buffer that comes back fits the next use. */
const capacityBytes = 1280 * 1024

/**
 * An array of `length` bytes over `buffer` if that is large enough, else over a fresh one with room to spare. What is in
 * it is of an earlier use: its taker writes all of it.
 */
export function arrayOver(buffer: ArrayBuffer | null, length: number): Uint8Array<ArrayBuffer> {
  if (length < reusedBytesMin) return new Uint8Array(length)
  const fits = buffer !== null && buffer.byteLength >= length
  return new Uint8Array(fits ? buffer : new ArrayBuffer(Math.max(length, capacityBytes)), 0, length)
}

/** Whether the buffer under `bytes` belongs to it alone, so that it can change owner or be used again as a whole. */
export function ownsBuffer(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  if (!(bytes.buffer instanceof ArrayBuffer) || bytes.byteOffset !== 0) return false
  const spare = bytes.buffer.byteLength - bytes.byteLength
  return spare === 0 || (bytes.byteLength >= reusedBytesMin && bytes.buffer.byteLength === capacityBytes)
}
