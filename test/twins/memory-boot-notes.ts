import type { BootNote, BootNotes } from '../../src/node/boot-notes.ts'
import { MemoryNote } from './memory-note.ts'

/** Notes of a system that `boot` names as it runs now. */
export class MemoryBootNotes extends MemoryNote<BootNote> implements BootNotes {
  readonly #boot: () => string

  constructor(boot: () => string, note: BootNote | null = null) {
    super(note)
    this.#boot = boot
  }

  async boot(): Promise<string> {
    return this.#boot()
  }
}
