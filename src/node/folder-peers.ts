import type { FolderIndex } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import type { FolderProtocol, FolderTransport, FolderTransportHandler, FrameStream } from '../ports/transport.ts'
import { PackDecision } from '../transfer/compression.ts'
import { BlockClient } from './block-client.ts'
import { BlockServer } from './block-server.ts'
import type { FolderDrafts } from './folder-drafts.ts'
import type { PeerThrottles } from './folder-replica-deps.ts'
import { PeerSession } from './peer-session.ts'
import { RateMeter } from './rate-meter.ts'
import type { SessionHost } from './session-host.ts'

const openMsMax = 15_000
const retryMsMin = 500
const retryMsMax = 60_000

/** The devices that sync one folder with us now: a session and a block client for each. */
export class FolderPeers implements FolderTransportHandler {
  readonly #deps: FolderPeersDeps
  readonly #peers = new Map<DeviceId, ConnectedPeer>()
  readonly #server: BlockServer

  constructor(deps: FolderPeersDeps) {
    this.#deps = deps
    this.#server = new BlockServer(deps)
  }

  /** Calls `listener` with each file in which a block that a peer has asked for was not. */
  onBlockAbsent(listener: BlockServer['onAbsent']): void {
    this.#server.onAbsent = listener
  }

  get connected(): readonly ConnectedPeer[] {
    return [...this.#peers.values()]
  }

  get devices(): readonly DeviceId[] {
    return [...this.#peers.keys()]
  }

  get sessions(): readonly PeerSession[] {
    return this.connected.flatMap((peer) => (peer.session === null ? [] : [peer.session]))
  }

  /** The way to a device's blocks, or null when it is not connected. */
  client(device: DeviceId): BlockClient | null {
    return this.#peers.get(device)?.client ?? null
  }

  onPeerUp(device: DeviceId): void {
    if (this.#peers.has(device)) return
    const { clock, signal } = this.#deps
    const gone = new AbortController()
    const throttles = this.#deps.throttles(device)
    const peer: ConnectedPeer = {
      device,
      gone,
      throttles,
      packing: new PackDecision(),
      session: null,
      served: null,
      receiveRate: new RateMeter(clock),
      sendRate: new RateMeter(clock),
      client: new BlockClient({
        open: () => this.#open(device, 'blocks', AbortSignal.any([gone.signal, signal])),
        clock,
        throttle: throttles.down,
        onReceived: (bytes) => {
          peer.receiveRate.add(bytes)
          this.#deps.onReceived(bytes)
        },
      }),
    }
    this.#peers.set(device, peer)
    this.#deps.onChange()
    if (this.#deps.device < device) void this.#keepSession(peer)
  }

  onPeerDown(device: DeviceId): void {
    const peer = this.#peers.get(device)
    if (peer === undefined) return
    this.#peers.delete(device)
    peer.gone.abort()
    peer.client.close()
    peer.session?.stop()
    peer.served?.abort('the device is no longer connected')
    this.#deps.onPeerGone(device)
    this.#deps.onChange()
  }

  onStream(device: DeviceId, protocol: FolderProtocol, stream: FrameStream): void {
    const peer = this.#peers.get(device)
    if (peer === undefined) {
      stream.abort('the device is not connected')
      return
    }
    if (protocol === 'sync') {
      void this.#runSession(peer, stream)
      return
    }
    // One at a time: what a peer makes us hold is bounded for each stream.
    peer.served?.abort('the device has opened another stream')
    peer.served = stream
    this.#server
      .serve(stream, {
        throttle: peer.throttles.up,
        packing: peer.packing,
        onSent: (bytes) => peer.sendRate.add(bytes),
      })
      .catch((error: unknown) =>
        this.#deps.logger.debug('block server stopped', { peer: device, error: errorText(error) }),
      )
  }

  stop(): void {
    for (const device of Array.from(this.#peers.keys())) this.onPeerDown(device)
  }

  /** Holds a session open with a peer as long as it is connected. */
  async #keepSession(peer: ConnectedPeer): Promise<void> {
    const { clock, logger, signal } = this.#deps
    const end = AbortSignal.any([peer.gone.signal, signal])
    let pauseMs = retryMsMin
    while (!end.aborted) {
      const began = clock.monotonic()
      try {
        const stream = await this.#open(peer.device, 'sync', end)
        await this.#runSession(peer, stream)
      } catch (error) {
        logger.debug('no session', { peer: peer.device, error: errorText(error) })
      }
      if (clock.monotonic() - began > retryMsMax) pauseMs = retryMsMin
      await clock.sleep(pauseMs, end).catch(() => undefined)
      pauseMs = Math.min(pauseMs * 2, retryMsMax)
    }
  }

  async #runSession(peer: ConnectedPeer, stream: FrameStream): Promise<void> {
    const { host, clock, logger } = this.#deps
    // A newer stream means that the peer has given up the older one.
    peer.session?.stop()
    const session = new PeerSession({ peer: peer.device, host, stream, clock, logger })
    peer.session = session
    try {
      await session.run()
    } catch (error) {
      const gone = error instanceof P2psyncError && error.code === 'peer-gone'
      const fields = { peer: peer.device, name: session.peerName, error: errorText(error) }
      if (gone) logger.debug('session ended', fields)
      else logger.warn('session failed', fields)
      this.#deps.onFailed(error)
    } finally {
      if (peer.session === session) peer.session = null
      this.#deps.onChange()
    }
  }

  async #open(device: DeviceId, protocol: FolderProtocol, signal: AbortSignal): Promise<FrameStream> {
    const timeout = new AbortController()
    const both = AbortSignal.any([timeout.signal, signal])
    this.#deps.clock.sleep(openMsMax, both).then(
      () => timeout.abort(new P2psyncError('peer-gone', 'the device does not answer')),
      () => undefined,
    )
    try {
      return await this.#deps.transport().open(device, protocol, both)
    } finally {
      timeout.abort()
    }
  }
}

export interface ConnectedPeer {
  readonly device: DeviceId
  readonly gone: AbortController
  readonly throttles: PeerThrottles
  readonly packing: PackDecision
  readonly client: BlockClient
  readonly receiveRate: RateMeter
  readonly sendRate: RateMeter
  session: PeerSession | null
  /** On which its wants are answered. */
  served: FrameStream | null
}

export interface FolderPeersDeps {
  readonly device: DeviceId
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly host: SessionHost
  readonly drafts: FolderDrafts
  readonly clock: Clock
  readonly logger: Logger
  readonly signal: AbortSignal
  readonly transport: () => FolderTransport
  readonly throttles: (peer: DeviceId) => PeerThrottles
  readonly onReceived: (bytes: number) => void
  readonly onFailed: (error: unknown) => void
  readonly onPeerGone: (device: DeviceId) => void
  readonly onChange: () => void
}
