import type { FolderId } from '../model/folder-id.ts'
import type { FolderTransport, FolderTransportHandler, Transport } from '../ports/transport.ts'
import type { FolderStatus } from './node-api.ts'
import type { FolderView } from './folder-view.ts'

/**
 * A folder that is open and rests: it is not watched, scanned or synced. It stays joined, so that other devices do not
 * take this one for one without its key, and every stream for it is refused; they ask again at growing intervals.
 */
export class PausedFolder {
  readonly #joined: FolderTransport
  readonly #counting: Promise<void>

  private constructor(joined: FolderTransport, counting: Promise<void>) {
    this.#joined = joined
    this.#counting = counting
  }

  static async open(options: {
    readonly folder: FolderId
    readonly transport: Transport
    readonly view: FolderView
    readonly onFatal: (what: string, error: unknown) => void
  }): Promise<PausedFolder> {
    const { folder, transport, view, onFatal } = options
    const joined = await transport.join(folder, refusing)
    const counting = view.countConflicts().catch((error: unknown) => onFatal('conflicts', error))
    return new PausedFolder(joined, counting)
  }

  async leave(): Promise<void> {
    await this.#joined.leave()
  }

  /** Resolves when the index is no longer read; whoever stops the replica has ended that. */
  async done(): Promise<void> {
    await this.#counting
  }
}

/** What is shown of a paused folder: what it holds; what others have is not known. */
export function pausedStatus(view: FolderView): ReturnType<FolderView['status']> {
  const status: Omit<FolderStatus, 'path' | 'id' | 'notice' | 'order'> = view.status()
  return { ...status, state: 'paused', reason: '', hint: '' }
}

const refusing: FolderTransportHandler = {
  onPeerUp: () => undefined,
  onPeerDown: () => undefined,
  onStream: (_peer, _protocol, stream) => stream.abort('the folder is paused'),
}
