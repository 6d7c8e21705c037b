import type { FolderIndex } from '../file-index/folder-index.ts'
import type { Needs } from './needs.ts'
import type { ReplicaState } from './sync-messages.ts'

/** What a folder tells its peers of how it stands. */
export function replicaState(
  { index, needs }: { readonly index: FolderIndex; readonly needs: Needs },
  isBusy: boolean,
): ReplicaState {
  const { hash, entries, files, bytes } = index.summary
  return {
    root: hash,
    entries,
    files,
    bytes,
    neededFiles: needs.files,
    neededBytes: needs.bytes,
    busy: isBusy || needs.size > needs.held,
  }
}
