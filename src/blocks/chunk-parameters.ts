/** Where the blocks of a file may end. `averageBytes` is a power of two. */
export interface ChunkParameters {
  readonly minBytes: number
  readonly averageBytes: number
  readonly maxBytes: number
}

const averageBytesMin = 64 * 1024
const averageBytesMax = 1024 * 1024
const doublesAboveBytes = 1024 ** 3

/**
 * How a file of this size is cut, when it is more than a single block. Part of the format: the average is 64 KiB up to
 * 1 GiB and doubles with each doubling of the size beyond, up to 1 MiB, so that block lists stay short; the smallest
 * block is a quarter of the average, the largest four times.
 */
export function chunkParameters(sizeBytes: number): ChunkParameters {
  let averageBytes = averageBytesMin
  let limitBytes = doublesAboveBytes
  while (sizeBytes > limitBytes && averageBytes < averageBytesMax) {
    averageBytes *= 2
    limitBytes *= 2
  }
  return { minBytes: averageBytes / 4, averageBytes, maxBytes: averageBytes * 4 }
}
