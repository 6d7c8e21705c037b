import { readFile } from 'node:fs/promises'
import { noteFile, type NoteFile } from './note-file.ts'
import type { LookedAgain } from './second-looks.ts'

/** What was surely on the disk while the system ran that `boot` names. */
export interface BootNote extends LookedAgain {
  /** Names one run of the system; '' where it cannot be told from another. */
  readonly boot: string
  /** Of the sequence log that `seq` is in. */
  readonly epoch: string
  /** The names of all changes up to this one have reached the disk, too. */
  readonly seq: number
}

export interface BootNotes extends NoteFile<BootNote> {
  /** As in {@link BootNote}, of now. */
  boot(): Promise<string>
}

/** Names this run of the system; '' where it cannot be told from another: only Linux says. */
export async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '')).trim()
}

/** A note in a file of the state directory. */
export function bootNotesIn(file: string): BootNotes {
  return { boot: bootId, ...noteFile(file, isNote) }
}

function isNote(value: unknown): value is BootNote {
  if (typeof value !== 'object' || value === null) return false
  const { boot, epoch, seq, changedMs } = value as Record<string, unknown>
  if (typeof boot !== 'string' || typeof epoch !== 'string') return false
  return Number.isSafeInteger(seq) && (seq as number) >= 0 && Number.isFinite(changedMs)
}
