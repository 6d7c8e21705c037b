import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { blockBytesMax } from '../model/limits.ts'
import { worthwhileShare, type PackLevel, type PackOrder, type PackTrial } from '../ports/packing.ts'

/** Less is sent as it is: a frame has a head, and the call costs more than the bytes. */
const rawBytesMin = 512
/** The sample is to say quickly whether there is anything to gain. */
const sampleLevel: PackLevel = 1

const samplePieces = 4
const samplePieceBytes = 16 * 1024

/**
 * Packs `bytes` as ordered, if a sample of them shrinks and so do they: `packed` is a new array with one zstd frame, or
 * null. `now` counts milliseconds. Yields between two long calls.
 */
export function* packAsOrdered(
  bytes: Uint8Array,
  order: PackOrder,
  now: () => number,
): Generator<void, { readonly packed: Uint8Array | null; readonly trial: PackTrial | null }> {
  if (bytes.length < rawBytesMin) return { packed: null, trial: null }
  const sample = sampleOf(bytes)
  if (sample.length < bytes.length) {
    const { trial } = timedPack(sample, { extent: 'sample', level: sampleLevel }, now)
    if (!isWorthwhile(trial)) return { packed: null, trial }
    yield
  }
  const { packed, trial } = timedPack(bytes, { extent: 'all', level: order.level }, now)
  return { packed: isWorthwhile(trial) ? packed : null, trial }
}

/** `bytes` as one zstd frame, in a new array. */
export function packBytes(bytes: Uint8Array, level: PackLevel): Uint8Array {
  return zstdCompressSync(bytes, {
    // One piece of output, so that it is not put together from many.
    chunkSize: bytes.length + frameOverheadBytes,
    pledgedSrcSize: bytes.length,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
}

/**
 * What a zstd frame unpacks to, in a new array; null when that is not exactly `length` bytes, or the frame is broken or
 * wants a larger window than any honest one needs. Never holds much more memory than `length`.
 */
export function unpackBytes(frame: Uint8Array, length: number): Uint8Array | null {
  if (!Number.isInteger(length) || length < 0 || length > blockBytesMax) return null
  try {
    const bytes = zstdDecompressSync(frame, {
      chunkSize: length + frameOverheadBytes,
      maxOutputLength: Math.max(1, length),
      params: { [constants.ZSTD_d_windowLogMax]: windowBits },
    })
    return bytes.length === length ? bytes : null
  } catch {
    // A peer's bytes, whatever is wrong with them, are no trouble of ours.
    return null
  }
}

function timedPack(
  bytes: Uint8Array,
  { extent, level }: Pick<PackTrial, 'extent' | 'level'>,
  now: () => number,
): { readonly packed: Uint8Array; readonly trial: PackTrial } {
  const startedAt = now()
  const packed = packBytes(bytes, level)
  const trial = { extent, level, rawBytes: bytes.length, packedBytes: packed.length, elapsedMs: now() - startedAt }
  return { packed, trial }
}

function isWorthwhile({ rawBytes, packedBytes }: PackTrial): boolean {
  return packedBytes <= rawBytes * worthwhileShare
}

/** Pieces spread over `bytes`, one after the other: by how they shrink the rest is judged. All of it when it is short. */
function sampleOf(bytes: Uint8Array): Uint8Array {
  const sampleBytes = samplePieces * samplePieceBytes
  if (bytes.length <= sampleBytes) return bytes
  const sample = new Uint8Array(sampleBytes)
  const stride = bytes.length / samplePieces
  for (let i = 0; i < samplePieces; i++) {
    const from = Math.floor(stride * i + (stride - samplePieceBytes) / 2)
    sample.set(bytes.subarray(from, from + samplePieceBytes), i * samplePieceBytes)
  }
  return sample
}

/** More than what zstd adds to what does not shrink (1 in 256 and 64 bytes), and to spare. */
const frameOverheadBytes = blockBytesMax / 256 + 1024
/** A window of 4 MiB: as much as a reply may hold. */
const windowBits = 22
