import { ownsBuffer } from '../model/reused-buffer.ts'

/** The same bytes over a buffer of their own, copied only where they are a view of part of one (or of shared memory). */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return ownsBuffer(bytes) ? bytes : new Uint8Array(bytes)
}

/** What `postMessage` may take over of these arrays: each buffer once, no empty ones, which others may share. */
export function transferList(arrays: readonly Uint8Array<ArrayBuffer>[]): ArrayBuffer[] {
  return [...new Set(arrays.map((bytes) => bytes.buffer))].filter((buffer) => buffer.byteLength > 0)
}
