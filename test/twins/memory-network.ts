import { setImmediate } from 'node:timers'
import type { DeviceId } from '../../src/model/device-id.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import type { FolderId } from '../../src/model/folder-id.ts'
import { blockFrameBytesMax, controlFrameBytesMax } from '../../src/model/limits.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type {
  FolderProtocol,
  FolderTransport,
  FolderTransportHandler,
  FrameStream,
  Transport,
} from '../../src/ports/transport.ts'
import { memoryStreamPair, type MemoryFrameStream } from './memory-frame-stream.ts'

export interface MemoryNetworkOptions {
  /** Needed for `delayMs`. */
  readonly clock?: Clock
  /** How long a frame, or the news of a stream, takes from one device to another. */
  readonly delayMs?: (from: DeviceId, to: DeviceId) => number
  readonly bytesInFlightMax?: number
  /** What each frame takes on top of that for its length. */
  readonly bytesPerSecond?: () => number
  /** Calls `act` in a turn of its own; by default the event loop's next one. */
  readonly soon?: (act: () => void) => void
  /** Hears of each frame when it is sent. */
  readonly onFrame?: (from: DeviceId, to: DeviceId, frame: Uint8Array) => void
}

/**
 * A network of devices in one process. Devices that joined the same folder and are not partitioned are connected. What
 * it tells handlers it tells one at a time, in the order in which it came about, each in a turn of its own.
 *
 * Not modelled: loss, reordering, connections that are dead and not yet known to be, the proof of the key.
 */
export class MemoryNetwork {
  /** Frames and their bytes that were sent so far, by all. */
  framesSent = 0
  bytesSent = 0
  readonly #options: MemoryNetworkOptions
  readonly #members = new Map<FolderId, Member[]>()
  readonly #links = new Set<Link>()
  readonly #partitions = new Set<string>()
  readonly #news: (() => void)[] = []

  constructor(options: MemoryNetworkOptions = {}) {
    this.#options = options
  }

  /** The transport of one device. One that was stopped with {@link disconnect} may come back under the same id. */
  transport(device: DeviceId): Transport {
    return { device, join: (folder, handler) => Promise.resolve(this.#join({ device, folder, handler, left: false })) }
  }

  /** Ends all streams between two devices and keeps them apart until they are healed. */
  partition(a: DeviceId, b: DeviceId): void {
    this.#partitions.add(pairName(a, b))
    for (const link of this.#links) {
      if (pairName(link.members[0].device, link.members[1].device) === pairName(a, b)) this.#unlink(link, 'partition')
    }
  }

  /** Ends the connection between two devices, which then connect anew. */
  drop(a: DeviceId, b: DeviceId): void {
    for (const link of this.#links) {
      if (pairName(link.members[0].device, link.members[1].device) === pairName(a, b)) this.#unlink(link, 'dropped')
    }
    for (const members of this.#members.values()) this.#linkAll(members)
  }

  /** Undoes one partition, or all. */
  heal(a?: DeviceId, b?: DeviceId): void {
    if (a !== undefined && b !== undefined) this.#partitions.delete(pairName(a, b))
    else this.#partitions.clear()
    for (const members of this.#members.values()) this.#linkAll(members)
  }

  /** Takes a device out of all its folders, as if its process had died. */
  disconnect(device: DeviceId): void {
    for (const member of [...this.#members.values()].flat()) if (member.device === device) this.#leave(member)
  }

  #join(member: Member): FolderTransport {
    const members = this.#members.get(member.folder) ?? []
    if (members.some((other) => other.device === member.device)) throw new Error('the folder is joined already')
    members.push(member)
    this.#members.set(member.folder, members)
    this.#linkAll(members)
    return {
      open: (peer, protocol, signal) => this.#open(member, { peer, protocol, signal }),
      leave: () => Promise.resolve(this.#leave(member)),
    }
  }

  #leave(member: Member): void {
    member.left = true
    const members = this.#members.get(member.folder) ?? []
    this.#members.set(
      member.folder,
      members.filter((other) => other !== member),
    )
    for (const link of this.#links) if (link.members.includes(member)) this.#unlink(link, 'the folder was left')
  }

  #linkAll(members: readonly Member[]): void {
    for (const [i, a] of members.entries()) {
      for (const b of members.slice(i + 1)) {
        if (this.#partitions.has(pairName(a.device, b.device)) || this.#linkOf(a, b.device) !== null) continue
        const link: Link = { members: [a, b], streams: new Set() }
        this.#links.add(link)
        this.#tell(() => {
          if (this.#links.has(link)) link.told = true
          if (link.told === true) a.handler.onPeerUp(b.device)
          if (link.told === true) b.handler.onPeerUp(a.device)
        })
      }
    }
  }

  #unlink(link: Link, reason: string): void {
    this.#links.delete(link)
    for (const stream of link.streams) stream.abort(reason)
    const [a, b] = link.members
    this.#tell(() => {
      if (link.told !== true) return
      if (!a.left) a.handler.onPeerDown(b.device)
      if (!b.left) b.handler.onPeerDown(a.device)
    })
  }

  async #open(
    member: Member,
    { peer, protocol, signal }: { peer: DeviceId; protocol: FolderProtocol; signal: AbortSignal },
  ): Promise<FrameStream> {
    const link = this.#linkOf(member, peer)
    if (link === null || signal.aborted) throw new P2psyncError('peer-gone', 'the device is not connected')
    const other = link.members[0] === member ? link.members[1] : link.members[0]
    const [near, far] = memoryStreamPair({
      frameBytesMax: protocol === 'sync' ? controlFrameBytesMax : blockFrameBytesMax,
      bytesInFlightMax: this.#options.bytesInFlightMax ?? 1024 * 1024,
      delayMs: (isBack) => (isBack ? this.#delayMs(peer, member.device) : this.#delayMs(member.device, peer)),
      clock: this.#options.clock ?? null,
      bytesPerSecond: () => this.#options.bytesPerSecond?.() ?? Infinity,
      onFrame: (frame, isBack) => {
        this.framesSent++
        this.bytesSent += frame.length
        const [from, to] = isBack ? [peer, member.device] : [member.device, peer]
        this.#options.onFrame?.(from, to, frame)
      },
      onEnded: () => {
        ended++
        if (ended === 2) link.streams.delete(near)
      },
    })
    let ended = 0
    link.streams.add(near)
    const delayMs = this.#delayMs(member.device, peer)
    if (delayMs > 0) await this.#options.clock?.sleep(delayMs)
    if (!this.#links.has(link)) throw new P2psyncError('peer-gone', 'the device is no longer connected')
    this.#tell(() => {
      if (this.#links.has(link)) other.handler.onStream(member.device, protocol, far)
    })
    return near
  }

  #linkOf(member: Member, peer: DeviceId): Link | null {
    for (const link of this.#links) {
      if (link.members.includes(member) && link.members.some((other) => other.device === peer)) return link
    }
    return null
  }

  #delayMs(from: DeviceId, to: DeviceId): number {
    return this.#options.delayMs?.(from, to) ?? 0
  }

  #tell(news: () => void): void {
    this.#news.push(news)
    const { soon = setImmediate } = this.#options
    soon(() => this.#news.shift()?.())
  }
}

interface Member {
  readonly device: DeviceId
  readonly folder: FolderId
  readonly handler: FolderTransportHandler
  /** It is told nothing any more. */
  left: boolean
}

interface Link {
  readonly members: readonly [Member, Member]
  readonly streams: Set<MemoryFrameStream>
  /** Both were told that the other is there. */
  told?: boolean
}

function pairName(a: DeviceId, b: DeviceId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`
}
