import { readFile } from 'node:fs/promises'
import { writePrivateFile } from './private-file.ts'

/** What was surely on the disk while the system ran that `boot` names. */
export interface BootNote {
  /** Names one run of the system; '' where it cannot be told from another. */
  readonly boot: string
  /** Of the sequence log that `seq` is in. */
  readonly epoch: string
  /** The names of all changes up to this one have reached the disk. */
  readonly seq: number
}

export interface BootNotes {
  /** As in {@link BootNote}, of now. */
  boot(): Promise<string>
  /** Null when there is none, or nothing that can be read. */
  load(): Promise<BootNote | null>
  save(note: BootNote): Promise<void>
}

/** Names this run of the system; '' where it cannot be told from another: only Linux says. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}

/** A note in a file of the state directory. */
export function bootNotesIn(file: string): BootNotes {
  return {
    boot: bootId,
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

function isNote(value: unknown): value is BootNote {
  if (typeof value !== 'object' || value === null) return false
  const { boot, epoch, seq } = value as Record<string, unknown>
  return typeof boot === 'string' && typeof epoch === 'string' && Number.isSafeInteger(seq) && (seq as number) >= 0
}
