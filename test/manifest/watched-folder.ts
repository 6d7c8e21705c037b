import { FolderSnapshot } from '../../src/manifest/folder-snapshot.ts'
import { RenamePairing, type EntryChange } from '../../src/manifest/pair-renames.ts'
import { walkTree, type TreeBatch, type WalkOptions } from '../../src/manifest/walk-tree.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

/** A folder in memory, `/r`, and what is told of it: one look at a time, without a watcher and without time. */
export class WatchedFolder {
  readonly disk = new MemoryDisk()
  readonly #pairing = new RenamePairing()
  readonly #snapshot: FolderSnapshot

  constructor() {
    this.disk.makeFolders('/r')
    this.#snapshot = new FolderSnapshot({
      folder: '/r',
      readers: { walk: (root, options) => this.#walk(root, options) },
    })
  }

  get entries(): number {
    return this.#snapshot.entries
  }

  /** Looks at the places that are named and pairs what is seen; what is gone stays gone for a while yet. */
  async look(places: readonly string[] = ['']): Promise<EntryChange[]> {
    return this.#pairing.take(await this.#snapshot.look(places), 0)
  }

  /** The same, and what is gone by then was deleted. */
  async settle(places: readonly string[] = ['']): Promise<EntryChange[]> {
    return [...(await this.look(places)), ...this.#pairing.takeAllDeleted()]
  }

  async *#walk(root: string, options: WalkOptions): AsyncGenerator<TreeBatch, void> {
    for (const batch of walkTree(this.disk, root, options)) yield await Promise.resolve(batch)
  }
}

export function lines(changes: readonly EntryChange[]): string[] {
  return changes.map(({ event, path, from }) => (event === 'moved' ? `moved ${from} -> ${path}` : `${event} ${path}`))
}
