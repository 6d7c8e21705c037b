/** How blocks travel: one after the other, or all of them in one zstd frame. */
export type BlockEncoding = 'none' | 'zstd'

/** How to pack what is read. A sample is packed first; when that hardly shrinks nothing more is done. */
export interface PackOrder {
  readonly level: PackLevel
}

/** What does not shrink below this share of itself is sent as it is: both sides would work for next to nothing. */
export const worthwhileShare = 0.875

/** Of zstd: from quick to small. */
export type PackLevel = 1 | 2 | 3

export interface PackTrial {
  /** `sample`: it hardly shrank. */
  readonly extent: 'sample' | 'all'
  readonly level: PackLevel
  readonly rawBytes: number
  readonly packedBytes: number
  readonly elapsedMs: number
}

/** A zstd frame from `at` to the end of some bytes, which unpacks to `length` bytes. */
export interface PackedBytes {
  readonly at: number
  readonly length: number
}
