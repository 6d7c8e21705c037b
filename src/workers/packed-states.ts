import type { DiskState } from '../model/disk-state.ts'

/**
 * Disk states on their way to another thread: a column of 64-bit words for each field, in one buffer that is handed over.
 * Cloning the same as objects costs four times as much.
 */
export interface PackedStates {
  readonly count: number
  readonly words: BigInt64Array<ArrayBuffer>
  /** States with a number beyond 64 bits (a time after 2262), by their index. */
  readonly odd: readonly (readonly [index: number, state: DiskState])[]
}

const columns = 5
const kinds = ['file', 'folder', 'symlink'] as const satisfies readonly DiskState['kind'][]

export function packStates(states: readonly DiskState[]): PackedStates {
  const count = states.length
  const words = new BigInt64Array(columns * count)
  const doubles = new Float64Array(words.buffer)
  const odd: [number, DiskState][] = []
  for (let i = 0; i < count; i++) {
    const state = states[i]!
    words[i] = state.mtimeNs
    words[count + i] = state.ctimeNs
    words[2 * count + i] = state.inode
    doubles[3 * count + i] = state.sizeBytes
    doubles[4 * count + i] = state.mode * 4 + kinds.indexOf(state.kind)
    if (words[i] !== state.mtimeNs || words[count + i] !== state.ctimeNs || state.inode >= inodeEnd) {
      odd.push([i, state])
    }
  }
  return { count, words, odd }
}

export function unpackStates({ count, words, odd }: PackedStates): DiskState[] {
  const doubles = new Float64Array(words.buffer)
  const states: DiskState[] = []
  for (let i = 0; i < count; i++) {
    const kindAndMode = doubles[4 * count + i]!
    states.push({
      kind: kinds[kindAndMode & 3]!,
      sizeBytes: doubles[3 * count + i]!,
      mtimeNs: words[i]!,
      ctimeNs: words[count + i]!,
      inode: BigInt.asUintN(64, words[2 * count + i]!),
      mode: kindAndMode >> 2,
    })
  }
  for (const [index, state] of odd) states[index] = state
  return states
}

const inodeEnd = 2n ** 64n
