import { openLevelStore } from '../file-index/level-store.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderWatcher } from '../ports/folder-watcher.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import type { Transport } from '../ports/transport.ts'
import type { FolderKeys } from './folder-keys.ts'
import { FolderReplica } from './folder-replica.ts'
import { lockFolder, openIndex } from './open-folder.ts'

/** A folder that is being synced, with all that has to be closed after it. */
export class RunningFolder {
  readonly path: string
  readonly keys: FolderKeys
  readonly marker: FolderMarker
  readonly replica: FolderReplica
  readonly #tasks: FileTasks
  readonly #stores: readonly Closable[]

  private constructor(
    options: { path: string; keys: FolderKeys; marker: FolderMarker },
    parts: { replica: FolderReplica; tasks: FileTasks; stores: readonly Closable[] },
  ) {
    this.path = options.path
    this.keys = options.keys
    this.marker = options.marker
    this.replica = parts.replica
    this.#tasks = parts.tasks
    this.#stores = parts.stores
  }

  /**
   * Opens lock and index and starts the replica.
   *
   * @throws {P2psyncError} `folder-busy` when another node has the folder, `index-failed`.
   */
  static async open(
    options: { path: string; keys: FolderKeys; marker: FolderMarker; indexFolder: string },
    deps: RunningFolderDeps,
  ): Promise<RunningFolder> {
    const { path, keys, marker } = options
    const stores: Closable[] = []
    const tasks = deps.openTasks(path)
    try {
      // A folder on a disk that is not mounted cannot be locked: its index still can.
      if ((await tasks.readMarker()) !== null) stores.push(await lockFolder(path, openLevelStore))
      const index = await openIndex(options.indexFolder, { ...deps, openStore: openLevelStore })
      // The index, not its store: it notes that it was closed in order, and need not be checked as a whole next time.
      stores.push(index)
      const replica = new FolderReplica({
        ...deps,
        folder: keys.folder,
        path,
        marker,
        index,
        tasks,
      })
      await replica.start()
      return new RunningFolder(options, { replica, tasks, stores })
    } catch (error) {
      await closeAll(tasks, stores)
      throw error
    }
  }

  async close(): Promise<void> {
    await this.replica.stop()
    await closeAll(this.#tasks, this.#stores)
  }
}

export interface RunningFolderDeps {
  readonly deviceName: string
  readonly deviceTag: Uint8Array
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly openTasks: (root: string) => FileTasks
  readonly newWatcher: () => FolderWatcher
  readonly onChange: () => void
  readonly onFatal: (what: string, error: unknown) => void
}

type Closable = Pick<KeyValueStore, 'close'>

async function closeAll(tasks: FileTasks, stores: readonly Closable[]): Promise<void> {
  await tasks.close()
  // The lock goes last.
  for (const store of stores.toReversed()) await store.close()
}
