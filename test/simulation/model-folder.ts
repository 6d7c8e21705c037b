import type { IndexRow } from '../../src/file-index/folder-index.ts'
import { sameDiskState, type DiskState } from '../../src/model/disk-state.ts'
import { fingerprint } from '../../src/model/file-record.ts'
import { isBelow, parentPath, type RelativePath } from '../../src/model/relative-path.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'

interface Entry {
  readonly kind: DiskState['kind']
  /** A fingerprint. */
  readonly holds: string
  readonly disk: DiskState
}

/** A folder as simple as it can be: paths and what they hold. A step does all that it says, or says what is in its way. */
export class ModelFolder {
  /** What was taken away. */
  readonly history: string[] = []
  readonly #staged: ReadonlyMap<string, string>
  readonly #entries = new Map<RelativePath, Entry>()

  /** `staged`: what each staged file holds. */
  constructor(rows: readonly IndexRow[], staged: ReadonlyMap<string, string>) {
    this.#staged = staged
    for (const { record, disk } of rows) {
      if (disk !== null) this.#entries.set(record.path, { kind: disk.kind, holds: fingerprint(record), disk })
    }
  }

  fingerprints(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.#entries, ([path, { holds }]) => [path, holds]))
  }

  /** Null when it is done. */
  apply(step: ApplyStep): string | null {
    const { path } = step
    const there = this.#entries.get(path) ?? null
    const parent = parentPath(path)
    if (parent !== null && this.#entries.get(parent)?.kind !== 'folder') return 'its folder is not there'
    if (!sameDiskState(there?.disk ?? null, step.expect)) return 'something else is there'
    switch (step.type) {
      case 'make-folder':
        if (there?.kind === 'folder') return null
        return this.#replace(path, null) ?? this.#make(path, 'folder', 'd')
      case 'place-file':
        return this.#replace(path, step.keepAs) ?? this.#make(path, 'file', this.#staged.get(step.staged) ?? '')
      case 'place-link':
        return this.#replace(path, step.keepAs) ?? this.#make(path, 'symlink', `s${step.target}`)
      case 'move-file': {
        const moved = this.#entries.get(step.from) ?? null
        if (moved === null || !sameDiskState(moved.disk, step.fromExpect)) return 'what is to be moved is another'
        this.#entries.delete(step.from)
        return this.#replace(path, null) ?? this.#make(path, moved.kind, moved.holds)
      }
      case 'remove':
        return there?.kind === 'folder' ? 'it is a folder' : this.#replace(path, step.keepAs)
      case 'remove-folder':
        return there?.kind === 'folder' ? this.#replace(path, null) : 'it is no folder'
      case 'set-metadata':
      case 'move-folder':
      case 'check-tree':
      case 'remove-tree':
      case 'remove-second-name':
        return 'nobody plans this here'
    }
  }

  /** Takes away what is there, to `keepAs` or to history; a folder only when it is empty. */
  #replace(path: RelativePath, keepAs: RelativePath | null): string | null {
    const there = this.#entries.get(path)
    if (there === undefined) return null
    if (there.kind === 'folder') {
      if ([...this.#entries.keys()].some((other) => isBelow(other, path))) return 'the folder is not empty'
    } else if (keepAs === null) this.history.push(there.holds)
    else if (this.#entries.has(keepAs)) return 'the name of the copy is taken'
    else this.#entries.set(keepAs, there)
    this.#entries.delete(path)
    return null
  }

  #make(path: RelativePath, kind: DiskState['kind'], holds: string): null {
    const disk = { kind, sizeBytes: 0, mtimeNs: 0n, ctimeNs: 0n, inode: -1n, mode: 0 }
    this.#entries.set(path, { kind, holds, disk })
    return null
  }
}
