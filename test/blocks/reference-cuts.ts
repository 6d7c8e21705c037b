import type { ChunkParameters } from '../../src/blocks/chunk-parameters.ts'

/** The definition of the cut points, as plainly as it can be said: the lengths of the blocks of `bytes`. */
export function referenceCuts(bytes: Uint8Array, gear: Uint32Array, parameters: ChunkParameters): number[] {
  const lengths: number[] = []
  let begin = 0
  while (begin < bytes.length) {
    const length = firstLength(bytes.subarray(begin), gear, parameters)
    lengths.push(length)
    begin += length
  }
  return lengths
}

function firstLength(rest: Uint8Array, gear: Uint32Array, parameters: ChunkParameters): number {
  const { minBytes, averageBytes, maxBytes } = parameters
  const end = Math.min(rest.length, maxBytes)
  for (let length = minBytes; length < end; length++) {
    let hash = 0
    for (let at = length - 32; at < length; at++) hash = ((hash << 1) + gear[rest[at]!]!) >>> 0
    if (hash < (length < averageBytes ? 2 ** 30 : 2 ** 34) / averageBytes) return length
  }
  return end
}
