import type { FileTasks } from '../ports/file-tasks.ts'
import type { FolderReplica } from './folder-replica.ts'
import { ScrubFolder, type ScrubFolderDeps } from './scrub-folder.ts'

/**
 * The scrub of a folder that is synced: what it finds is in the folder's status. To be loaded before the folder starts, so
 * that what is damaged is known wherever it moves; to be started, and stopped, beside it.
 */
export function scrubReplica(
  replica: FolderReplica,
  parts: Pick<ScrubFolderDeps, 'clock' | 'random' | 'logger' | 'notes' | 'onChange'> & { readonly tasks: FileTasks },
): ScrubFolder {
  const scrub = new ScrubFolder({
    ...parts,
    index: replica.index,
    peers: () => replica.peers,
    alone: (job) => replica.commits.run(job),
    mayBeEdited: (path) => replica.looks.isDue(path),
    isBusy: () => replica.state().busy || replica.view.status().state === 'stopped',
  })
  replica.view.damaged = () => scrub.problems()
  replica.peers.onBlockAbsent((path) => scrub.suspect(path))
  replica.recovery.damage.handTo(scrub)
  return scrub
}
