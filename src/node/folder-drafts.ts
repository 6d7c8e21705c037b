import type { DeviceId } from '../model/device-id.ts'
import type { Random } from '../ports/random.ts'
import type { DraftMessage } from './draft-message.ts'
import { DraftTelling } from './draft-telling.ts'
import { LocalDrafts } from './local-drafts.ts'
import { RemoteDrafts, type RemoteDraftsDeps } from './remote-drafts.ts'
import type { SessionDrafts } from './session-host.ts'

/** What is under way of files that are not hashed to their end: our own, and those of peers. */
export class FolderDrafts implements SessionDrafts {
  readonly local: LocalDrafts
  readonly remote: RemoteDrafts

  constructor(deps: FolderDraftsDeps) {
    const onChange = (): void => {
      for (const session of deps.peers().sessions) session.wake()
    }
    this.local = new LocalDrafts({ ...deps, onChange })
    this.remote = new RemoteDrafts(deps)
  }

  telling(): DraftTelling {
    return new DraftTelling(this.local)
  }

  take(peer: DeviceId, message: DraftMessage): void {
    this.remote.take(peer, message)
  }

  onSessionEnd(peer: DeviceId): void {
    this.remote.onSessionEnd(peer)
  }
}

export interface FolderDraftsDeps extends RemoteDraftsDeps {
  readonly random: Random
  /** The size from which on files are told of while they are hashed; another one than usual only in tests. */
  readonly draftBytesMin?: number | undefined
  readonly peers: () => ReturnType<RemoteDraftsDeps['peers']> & { readonly sessions: readonly { wake(): void }[] }
}
