import { NodeDisk } from '../disk/node-disk.ts'
import { readQueuedEventsMax } from '../watcher/queued-events-max.ts'
import { WorkerFolderWatcher } from '../watcher/worker-folder-watcher.ts'
import { TreeReaders } from './tree-readers.ts'
import { watchFolder, type WatchFolderOptions } from './watch-folder.ts'

/** {@link watchFolder} with the real watcher and a thread that looks at the disk. */
export async function openWatch(options: Omit<WatchFolderOptions, 'watcher' | 'readers'>): Promise<void> {
  const watcher = new WorkerFolderWatcher({ queuedEventsMax: readQueuedEventsMax(new NodeDisk()) })
  const readers = new TreeReaders({ threads: 1 })
  try {
    await watchFolder({ ...options, watcher, readers })
  } finally {
    await readers.stop()
  }
}
