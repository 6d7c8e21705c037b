import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { NoteFile } from '../../src/node/note-file.ts'

/** Expects that a note in a file is none at first, is found again as it was saved, and is none when the file holds `malformed`. */
export async function expectKept<Note>(
  notesIn: (file: string) => NoteFile<Note>,
  note: Note,
  malformed: readonly string[],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'p2psync-note-'))
  try {
    const file = join(folder, 'note.json')
    const notes = notesIn(file)
    expect(await notes.load()).toBeNull()
    await notes.save(note)
    expect(await notes.load()).toEqual(note)
    for (const text of malformed) {
      await writeFile(file, text)
      expect(await notes.load(), text).toBeNull()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}
