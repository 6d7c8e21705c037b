import { P2psyncError } from '../model/errors.ts'
import { decodeMove, encodeMove, moveKey, type FolderMove } from '../model/folder-move.ts'
import type { KeyValueStore, StoreEntry, StoreOperation } from '../ports/key-value-store.ts'
import { decodeSeq, encodeSeq } from './index-head.ts'
import { keyRange, prefix, prefixed } from './index-keys.ts'
import { readRange } from './read-range.ts'

/** A stretch of the sequence log that one move of a folder made. */
export interface MoveNote {
  readonly move: FolderMove
  /** The last sequence number before it, and its own last. */
  readonly afterSeq: number
  readonly toSeq: number
}

/** The last moves of folders and where they are in the log, so that a peer can be told a move instead of its records. */
export class MoveNotes {
  readonly #notes: MoveNote[]

  /** `notes` are in the order of the log. */
  private constructor(notes: MoveNote[]) {
    this.#notes = notes
  }

  /** @throws {P2psyncError} `index-damaged`. */
  static async load(store: KeyValueStore): Promise<MoveNotes> {
    const rows = await readRange(store, keyRange(prefix.move, new Uint8Array(0), null))
    return new MoveNotes(rows.map(decodeNote))
  }

  /** What writes the note down; {@link add} it once that is done. */
  operations(note: MoveNote): StoreOperation[] {
    const value = Buffer.concat([encodeSeq(note.toSeq), encodeMove(note.move)])
    const operations: StoreOperation[] = [{ type: 'put', key: noteKey(note), value }]
    const oldest = this.#notes[0]
    if (this.#notes.length >= notesMax && oldest !== undefined) operations.push({ type: 'del', key: noteKey(oldest) })
    return operations
  }

  add(note: MoveNote): void {
    if (this.#notes.length >= notesMax) this.#notes.shift()
    this.#notes.push(note)
  }

  /** True when this very move is in the log. */
  has(move: FolderMove): boolean {
    const key = moveKey(move)
    return this.#notes.some((note) => moveKey(note.move) === key)
  }

  /** The move that begins right after `seq`. */
  after(seq: number): MoveNote | null {
    return this.#notes.find((note) => note.afterSeq === seq) ?? null
  }

  /** How far the log can be told record by record from `seq` on before the next move begins. */
  endOfRecords(seq: number): number {
    return this.#notes.find((note) => note.afterSeq > seq)?.afterSeq ?? Number.POSITIVE_INFINITY
  }
}

const notesMax = 256

function noteKey(note: MoveNote): Uint8Array {
  return prefixed(prefix.move, encodeSeq(note.afterSeq))
}

function decodeNote([key, value]: StoreEntry): MoveNote {
  try {
    const seqs = { afterSeq: decodeSeq(key.subarray(1)), toSeq: decodeSeq(value.subarray(0, seqBytes)) }
    return { ...seqs, move: decodeMove(value.subarray(seqBytes)) }
  } catch (cause) {
    throw new P2psyncError('index-damaged', 'the index holds a move that cannot be read', { cause })
  }
}

const seqBytes = 6
