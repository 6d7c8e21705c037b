import { sameDiskState, type DiskState } from './disk-state.ts'

/**
 * Disk states in one buffer that can be handed to another thread, five 64-bit words each. Cloning the same as objects costs
 * four times as much, and so does keeping them: what is only compared never becomes an object.
 */
export interface PackedStates {
  readonly words: BigInt64Array<ArrayBuffer>
  /** States with a number beyond 64 bits (a time after 2262), by their index. */
  readonly odd: ReadonlyMap<number, DiskState>
}

export function packStates(states: readonly DiskState[]): PackedStates {
  const packer = new StatePacker(states.length)
  for (const state of states) packer.add(state)
  return packer.finish()
}

export function unpackStates(packed: PackedStates, count: number): DiskState[] {
  const reader = new StateReader(packed)
  return Array.from({ length: count }, (_, i) => reader.at(i))
}

/** Packs states one after the other, `capacity` at most. */
export class StatePacker {
  readonly #words: BigInt64Array<ArrayBuffer>
  readonly #doubles: Float64Array
  readonly #odd = new Map<number, DiskState>()
  #count = 0

  constructor(capacity: number) {
    this.#words = new BigInt64Array(capacity * stateWords)
    this.#doubles = new Float64Array(this.#words.buffer)
  }

  add(state: DiskState): void {
    const at = this.#count * stateWords
    const words = this.#words
    words[at] = state.mtimeNs
    words[at + 1] = state.ctimeNs
    words[at + 2] = state.inode
    this.#doubles[at + 3] = state.sizeBytes
    this.#doubles[at + 4] = state.mode * 4 + kinds.indexOf(state.kind)
    if (isOdd(state.mtimeNs) || isOdd(state.ctimeNs) || state.inode >= inodeEnd) this.#odd.set(this.#count, state)
    this.#count++
  }

  /** The packer must not be used any more. */
  finish(): PackedStates {
    return { words: this.#words, odd: this.#odd }
  }
}

/** Reads packed states in any order. */
export class StateReader {
  readonly #words: BigInt64Array
  readonly #doubles: Float64Array
  readonly #odd: ReadonlyMap<number, DiskState>

  constructor({ words, odd }: PackedStates) {
    this.#words = words
    this.#doubles = new Float64Array(words.buffer)
    this.#odd = odd
  }

  kindAt(index: number): DiskState['kind'] {
    return kinds[this.#doubles[index * stateWords + 4]! & 3]!
  }

  at(index: number): DiskState {
    const odd = this.#odd.get(index)
    if (odd !== undefined) return odd
    const at = index * stateWords
    return {
      kind: this.kindAt(index),
      sizeBytes: this.#doubles[at + 3]!,
      mtimeNs: this.#words[at]!,
      ctimeNs: this.#words[at + 1]!,
      inode: BigInt.asUintN(64, this.#words[at + 2]!),
      mode: this.#doubles[at + 4]! >> 2,
    }
  }

  /** {@link sameDiskState} of the state with this index and `other`. */
  isSameAt(index: number, other: DiskState): boolean {
    return sameDiskState(this.at(index), other)
  }
}

const stateWords = 5
const kinds = ['file', 'folder', 'symlink'] as const satisfies readonly DiskState['kind'][]
const inodeEnd = 2n ** 64n

function isOdd(timeNs: bigint): boolean {
  return timeNs >= 2n ** 63n || timeNs < -(2n ** 63n)
}
