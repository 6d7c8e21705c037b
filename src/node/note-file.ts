import { readFile } from 'node:fs/promises'
import { writePrivateFile } from './private-file.ts'

/** One value that is remembered between runs of the node. */
export interface NoteFile<Note> {
  /** Null when there is none, or nothing that can be read. */
  load(): Promise<Note | null>
  save(note: Note): Promise<void>
}

/** A note in a file of the state directory, as JSON; what is not `isNote` counts as none. */
export function noteFile<Note>(file: string, isNote: (value: unknown) => value is Note): NoteFile<Note> {
  return {
    load: async () => {
      const text = await readFile(file, 'utf8').catch(() => '')
      try {
        const value: unknown = JSON.parse(text)
        return isNote(value) ? value : null
      } catch {
        return null
      }
    },
    save: (note) => writePrivateFile(file, `${JSON.stringify(note)}\n`),
  }
}
