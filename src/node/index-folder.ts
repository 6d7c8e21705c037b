import { readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { FolderIndex } from '../file-index/folder-index.ts'
import { P2psyncError, systemCode } from '../model/errors.ts'
import type { KeyValueStore, StoreEntry, StoreRange } from '../ports/key-value-store.ts'
import type { Random } from '../ports/random.ts'

/**
 * Opens the index in a folder, or begins one. `onDamaged` is called once, when its files turn out to be damaged later.
 *
 * @throws {P2psyncError} `index-damaged`, `index-failed`, `folder-busy`; nothing is left open.
 */
export async function openIndex(
  folder: string,
  parts: {
    openStore: (path: string) => Promise<KeyValueStore>
    deviceTag: Uint8Array
    random: Random
    onDamaged: (error: unknown) => void
  },
): Promise<FolderIndex> {
  const store = await parts.openStore(folder)
  try {
    const watched = new WatchedStore(store)
    const index = await FolderIndex.open(watched, parts)
    watched.onDamaged = parts.onDamaged
    return index
  } catch (error) {
    await store.close().catch(() => undefined)
    throw error
  }
}

/** True for what a new index helps against, and for nothing else. */
export function isIndexDamage(error: unknown): boolean {
  return error instanceof P2psyncError && error.code === 'index-damaged'
}

/**
 * Renames a damaged index that nobody has open, and removes those that were set aside long ago. The next one is begun
 * with a new incarnation, which knows of no file: nothing can be taken for deleted.
 *
 * @returns where it is now, or null when it is gone altogether.
 */
export async function setIndexAside(folder: string, nowMs: number): Promise<string | null> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')
  const names = await asideNames(folder)
  // Of the same millisecond, or of a time at which the clock was ahead: the newest must sort last.
  const last = names.at(-1)
  const wanted = `${basename(folder)}.damaged-${time}`
  const name = last !== undefined && last >= wanted ? `${last}x` : wanted
  const aside = join(dirname(folder), name)
  try {
    await rename(folder, aside)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  for (const old of [...names, name].slice(0, -keptAside)) {
    await rm(join(dirname(folder), old), { recursive: true, force: true })
  }
  return aside
}

const keptAside = 2

async function asideNames(folder: string): Promise<string[]> {
  const prefix = `${basename(folder)}.damaged-`
  const names = await readdir(dirname(folder)).catch((): string[] => [])
  return names.filter((name) => name.startsWith(prefix)).sort()
}

/** A store that tells the first damage that anybody comes upon. */
class WatchedStore implements KeyValueStore {
  onDamaged: (error: unknown) => void = () => undefined
  readonly #store: KeyValueStore

  constructor(store: KeyValueStore) {
    this.#store = store
  }

  get: KeyValueStore['get'] = (key) => this.#watch(this.#store.get(key))

  getMany: KeyValueStore['getMany'] = (keys) => this.#watch(this.#store.getMany(keys))

  batch: KeyValueStore['batch'] = (operations, options) => this.#watch(this.#store.batch(operations, options))

  async *pages(range: StoreRange): AsyncGenerator<readonly StoreEntry[]> {
    try {
      yield* this.#store.pages(range)
    } catch (error) {
      this.#tell(error)
      throw error
    }
  }

  close(): Promise<void> {
    return this.#store.close()
  }

  #watch<T>(work: Promise<T>): Promise<T> {
    work.catch((error: unknown) => this.#tell(error))
    return work
  }

  #tell(error: unknown): void {
    if (!isIndexDamage(error)) return
    const tell = this.onDamaged
    this.onDamaged = () => undefined
    tell(error)
  }
}
