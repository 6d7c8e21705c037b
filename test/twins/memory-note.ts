import type { NoteFile } from '../../src/node/note-file.ts'

/** A note of a node that is kept in memory, over its restarts. */
export class MemoryNote<Note> implements NoteFile<Note> {
  /** What was saved last. */
  note: Note | null

  constructor(note: Note | null = null) {
    this.note = note
  }

  load(): Promise<Note | null> {
    return Promise.resolve(this.note)
  }

  save(note: Note): Promise<void> {
    this.note = note
    return Promise.resolve()
  }
}
