import { hashBytes } from './hash.ts'

/** How many bytes before a cut decide it: a 32-bit gear hash has shifted everything older out. */
export const gearWindowBytes = 32

/**
 * The 256 random words of the gear hash. Word `i` is the first four bytes, little-endian, of
 * BLAKE3(`p2psync/v1/gear` || the byte `i`). It is part of the format: another table cuts every file elsewhere.
 */
export function gearTable(): Uint32Array<ArrayBuffer> {
  const label = Buffer.from('p2psync/v1/gear')
  const input = Buffer.concat([label, Buffer.alloc(1)])
  const table = new Uint32Array(256)
  for (let byte = 0; byte < 256; byte++) {
    input[label.length] = byte
    table[byte] = new DataView(hashBytes(input).buffer).getUint32(0, true)
  }
  return table
}
