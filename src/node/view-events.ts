import type { DeviceId } from '../model/device-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderStatus, NodeEvent, PeerStatus } from './node-api.ts'

/** Changes are told at most so often, and looked for as often when nobody reports one. */
const tellEveryMs = 250
const lookEveryMs = 1000

type Body<E> = E extends unknown ? Omit<E, 'at'> : never

/** Turns what the node shows into events: each difference to what was told last is one. */
export class ViewEvents {
  readonly #deps: {
    readonly clock: Clock
    readonly status: () => readonly FolderStatus[]
    readonly peers: () => readonly PeerStatus[]
  }
  readonly #listeners = new Set<(event: NodeEvent) => void>()
  readonly #stopping = new AbortController()
  readonly #folders = new Map<string, string>()
  readonly #peers = new Map<DeviceId, PeerStatus>()
  readonly #warnings: Body<NodeEvent>[] = []
  #looking = false
  #changed: () => void = () => undefined

  constructor(deps: { clock: Clock; status: () => readonly FolderStatus[]; peers: () => readonly PeerStatus[] }) {
    this.#deps = deps
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    for (const warning of this.#warnings.splice(0)) this.#tell(warning)
    if (!this.#looking) void this.#look()
    return () => this.#listeners.delete(listener)
  }

  /** Something may look different now. */
  changed(): void {
    this.#changed()
  }

  /** Kept for the first listener when there is none yet. */
  warn(message: string, hint: string): void {
    const warning = { type: 'warning', message, hint } as const
    if (this.#listeners.size === 0) this.#warnings.push(warning)
    else this.#tell(warning)
  }

  folderRemoved(path: string): void {
    this.#folders.delete(path)
    this.#tell({ type: 'folder-removed', path })
  }

  stopping(): void {
    this.#tell({ type: 'stopping' })
  }

  stop(): void {
    this.#stopping.abort()
    this.#listeners.clear()
  }

  async #look(): Promise<void> {
    const { clock } = this.#deps
    const { signal } = this.#stopping
    this.#looking = true
    while (this.#listeners.size > 0 && !signal.aborted) {
      this.#tellFolders()
      this.#tellPeers()
      await clock.sleep(tellEveryMs, signal).catch(() => undefined)
      const timer = new AbortController()
      const changed = new Promise<void>((resolve) => {
        this.#changed = resolve
      })
      const rest = clock
        .sleep(lookEveryMs - tellEveryMs, AbortSignal.any([signal, timer.signal]))
        .catch(() => undefined)
      await Promise.race([changed, rest])
      timer.abort()
    }
    this.#looking = false
  }

  #tellFolders(): void {
    for (const folder of this.#deps.status()) {
      const text = JSON.stringify(folder)
      if (this.#folders.get(folder.path) === text) continue
      this.#folders.set(folder.path, text)
      this.#tell({ type: 'folder', folder })
    }
  }

  #tellPeers(): void {
    const now = new Map(this.#deps.peers().map((peer) => [peer.device, peer]))
    for (const [device, before] of this.#peers) {
      if (before.connectedSince === null || (now.get(device)?.connectedSince ?? null) !== null) continue
      this.#peers.delete(device)
      this.#tell({ type: 'peer-disconnected', device, name: before.name })
    }
    for (const [device, peer] of now) this.#tellPeer(peer, this.#peers.get(device))
  }

  #tellPeer(peer: PeerStatus, before: PeerStatus | undefined): void {
    const { device, name, address, how } = peer
    if (peer.connectedSince !== null) {
      // Its name comes with its first message.
      if (name === '' || before?.connectedSince === peer.connectedSince) return
      this.#tell({ type: 'peer-connected', device, name, address, how })
    } else if (peer.refused !== null && before?.refused !== peer.refused) {
      this.#tell({ type: 'peer-refused', device, name, address, reason: peer.refused })
    }
    this.#peers.set(device, peer)
  }

  #tell(event: Body<NodeEvent>): void {
    const full = { ...event, at: this.#deps.clock.now() } as NodeEvent
    for (const listener of this.#listeners) listener(full)
  }
}
