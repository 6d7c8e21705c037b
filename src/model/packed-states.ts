import type { DiskState } from './disk-state.ts'
import { diskStateBytes, isSameEncodedState, readDiskState, writeDiskState } from './disk-state-codec.ts'

/**
 * Disk states one after the other in one buffer that can be handed to another thread. Cloning the same as objects costs four
 * times as much, and so does keeping them: what is only compared never becomes an object.
 */
export type PackedStates = Uint8Array<ArrayBuffer>

/** Entries below a folder. */
export interface PackedTree {
  /** Relative to the folder, joined by NUL; '' for none. */
  readonly paths: string
  /** One for each path. */
  readonly states: PackedStates
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
  readonly #view: DataView<ArrayBuffer>
  #at = 0

  constructor(capacity: number) {
    this.#view = new DataView(new ArrayBuffer(capacity * diskStateBytes))
  }

  add(state: DiskState): void {
    writeDiskState(this.#view, this.#at, state)
    this.#at += diskStateBytes
  }

  /** Owns its buffer. The packer must not be used any more. */
  finish(): PackedStates {
    return new Uint8Array(this.#view.buffer)
  }
}

/** Reads packed states in any order; keeps them. */
export class StateReader {
  readonly #bytes: PackedStates
  readonly #view: DataView

  constructor(packed: PackedStates) {
    this.#bytes = packed
    this.#view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  }

  at(index: number): DiskState {
    return readDiskState(this.#view, index * diskStateBytes)
  }

  /** What `sameDiskState` says of the state with this index and the encoded one at `at` in `bytes`. */
  isSameAt(index: number, bytes: Uint8Array, at: number): boolean {
    return isSameEncodedState(this.#bytes, index * diskStateBytes, bytes, at)
  }
}
