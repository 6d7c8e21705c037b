import type { DeviceId } from '../model/device-id.ts'
import type { FolderId } from '../model/folder-id.ts'

/** One connection, as far as it matters here; `C` is the transport's own handle of it. */
export interface PeerLink<C> {
  readonly connection: C
  readonly device: DeviceId
  /** What both sides proved on this connection; never changes. */
  readonly folders: ReadonlySet<FolderId>
  readonly inbound: boolean
  readonly openedMs: number
  /** Streams of ours that are open on it. */
  streams: number
}

export interface PeerChange {
  readonly device: DeviceId
  readonly folder: FolderId
}

/** The connections that there are, and what begins and ends with each. */
export class PeerLinks<C> {
  readonly #self: DeviceId
  readonly #links = new Map<C, PeerLink<C>>()

  constructor(self: DeviceId) {
    this.#self = self
  }

  /** Returns the folders in which the device was not there before. */
  add(link: PeerLink<C>): readonly PeerChange[] {
    const news = [...link.folders].filter((folder) => this.best(link.device, folder) === null)
    this.#links.set(link.connection, link)
    return news.map((folder) => ({ device: link.device, folder }))
  }

  /** Returns the folders in which the device is no longer there. */
  remove(connection: C): readonly PeerChange[] {
    const link = this.#links.get(connection)
    if (link === undefined) return []
    this.#links.delete(connection)
    const gone = [...link.folders].filter((folder) => this.best(link.device, folder) === null)
    return gone.map((folder) => ({ device: link.device, folder }))
  }

  get(connection: C): PeerLink<C> | null {
    return this.#links.get(connection) ?? null
  }

  all(): readonly PeerLink<C>[] {
    return [...this.#links.values()]
  }

  of(device: DeviceId): readonly PeerLink<C>[] {
    return this.all().filter((link) => link.device === device)
  }

  /**
   * The connection to open a stream on, or null. Both sides choose alike when both dialled at once: one that is in use,
   * else the one that the smaller device dialled, else the newest.
   */
  best(device: DeviceId, folder: FolderId): PeerLink<C> | null {
    return this.#sorted(device).find((link) => link.folders.has(folder)) ?? null
  }

  /**
   * Connections older than a new inbound one that must be dead: its device dials only when it knows of no connection,
   * and what is younger than a dial takes may have been dialled at the same time.
   */
  deadBefore(link: PeerLink<C>): readonly PeerLink<C>[] {
    if (!link.inbound) return []
    return this.of(link.device).filter((older) => link.openedMs - older.openedMs > dialMsMax)
  }

  /** Idle connections to devices that have a better one. Only the smaller device of the two ends them. */
  superfluous(nowMs: number): readonly PeerLink<C>[] {
    const devices = new Set(this.all().map((link) => link.device))
    return [...devices]
      .filter((device) => this.#self < device)
      .flatMap((device) => {
        const [best, ...others] = this.#sorted(device)
        return others.filter((link) => [...link.folders].every((folder) => best?.folders.has(folder) === true))
      })
      .filter((link) => link.streams === 0 && nowMs - link.openedMs > dialMsMax)
  }

  #sorted(device: DeviceId): readonly PeerLink<C>[] {
    const smallerDialled = (link: PeerLink<C>): boolean => link.inbound === device < this.#self
    return this.of(device).toSorted(
      (a, b) =>
        Number(b.streams > 0) - Number(a.streams > 0) ||
        Number(smallerDialled(b)) - Number(smallerDialled(a)) ||
        b.openedMs - a.openedMs,
    )
  }
}

/** Longer than a dial may take, with the handshake. */
const dialMsMax = 15_000
