import { hashBlock } from '../blocks/hash.ts'
import { blockHashToBytes } from '../model/block-hash.ts'

/** One key in so many opens a node at each level: nodes hold this many children on average. */
export const fanOut = 16

/** The root of no tree is higher: a hash has 16 nibbles to look at. */
export const heightMax = 16

/** The empty key opens the first node of every level. No path has it. */
export const emptyKeyLevel = heightMax + 1

const label = Buffer.from('p2psync/merkle/key/1\0')
/** The label, and room for a key: one for all calls. */
const labelled = Buffer.alloc(label.length + 4096)
label.copy(labelled)

/**
 * Up to which level `key` opens nodes, 0 (none) to 16: a key of level 1 opens a leaf, one of level n + 1 also the nodes
 * of levels 1 to n. It is the number of zero nibbles at the end of the first 8 bytes of BLAKE3 of a label and the key, so
 * it depends on nothing but the key.
 */
export function keyLevel(key: Uint8Array): number {
  if (key.length === 0) return emptyKeyLevel
  const text = hashBlock(withLabel(key))
  // Its eleventh character begins with the last nibble looked at, which is zero for one key in sixteen: A, B, C or D.
  if (text[10]! > 'D') return 0
  const hash = blockHashToBytes(text)
  let level = 0
  for (let i = 7; i >= 0; i--) {
    const byte = hash[i]!
    if (byte !== 0) return (byte & 0x0f) === 0 ? level + 1 : level
    level += 2
  }
  return level
}

function withLabel(key: Uint8Array): Uint8Array {
  const length = label.length + key.length
  if (length > labelled.length) return Buffer.concat([label, key])
  labelled.set(key, label.length)
  return labelled.subarray(0, length)
}
