import type { Connection, IdentifyResult, Libp2p, Stream } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { parseDeviceId, type DeviceId } from '../model/device-id.ts'
import { assert, errorText, P2psyncError } from '../model/errors.ts'
import type { FolderId } from '../model/folder-id.ts'
import type { Logger } from '../ports/logger.ts'
import type { FolderProtocol, FolderTransport, FolderTransportHandler, Transport } from '../ports/transport.ts'
import { hostPort, isLoopbackAddress, parsePeerAddress, tryParsePeerAddress } from './addresses.ts'
import { addressOf, dialNode } from './dial-node.ts'
import { Discovery } from './discovery.ts'
import type { FolderKeys } from './folder-keys.ts'
import { acceptFolderStream, openFolderStream, protocolIds, streamsPerProtocolMax } from './folder-streams.ts'
import { Handshakes, type Refusal } from './handshakes.ts'
import { createNode } from './libp2p-node.ts'
import type { Libp2pTransportOptions, TransportPeer } from './libp2p-transport-options.ts'
import { listenAnywhere } from './listen-ports.ts'
import type { MdnsOptions } from './mdns.ts'
import { PeerLinks, type PeerChange, type PeerLink } from './peer-links.ts'
import type { DialOutcome, DialRequest } from './redial.ts'
import { transportPeer } from './transport-peer.ts'

/**
 * The real network: libp2p over TCP behind the gate of {@link Handshakes}, found and kept by {@link Discovery}.
 *
 * A connection proves the folders that both sides had joined when it was made, once and for all. When a folder is joined
 * later, all connections are ended and made anew at once; when one is left, those that proved it.
 */
export class Libp2pTransport implements Transport {
  readonly device: DeviceId
  /** Called when {@link twin} has been met. */
  onTwin: () => void = () => undefined
  readonly #options: Libp2pTransportOptions
  readonly #logger: Logger
  readonly #keys = new Map<FolderId, FolderKeys>()
  readonly #handlers = new Map<FolderId, FolderTransportHandler>()
  readonly #links: PeerLinks<Connection>
  readonly #connectedSince = new WeakMap<Connection, number>()
  readonly #handshakes: Handshakes
  readonly #discovery: Discovery
  /** Resolved with the first folder: whoever dials us before waits for it. */
  readonly #opened = Promise.withResolvers<void>()
  #generation = 0
  #node: Libp2p | null = null
  #isClosed = false

  /** @throws {P2psyncError} `bad-address` when a static peer is malformed. */
  constructor(options: Libp2pTransportOptions) {
    const { clock, random } = options
    this.device = parseDeviceId(peerIdFromPrivateKey(options.privateKey).toString())
    this.#options = options
    this.#logger = options.logger
    this.#links = new PeerLinks(this.device)
    this.#handshakes = new Handshakes({
      offer: () => ({ folders: this.#joinedKeys(), generation: this.#generation }),
      onRefused: (refusal) => this.#onRefused(refusal),
      ready: () =>
        this.#isClosed ? Promise.reject(new P2psyncError('peer-gone', 'this node stops')) : this.#opened.promise,
      clock,
      random,
    })
    this.#discovery = new Discovery({
      ...options,
      device: this.device,
      staticPeers: options.staticPeers.map(parsePeerAddress),
      dial: (request) => this.#dial(request),
      // One that is paused is left alone like one that is connected.
      isConnected: (device) => options.isPaused(device) || this.#links.of(device).length > 0,
      isReady: () => this.#handlers.size > 0 && this.twin === null,
      addresses: () => this.addresses(),
      onTick: () => this.#endSuperfluous(),
    })
  }

  /** @throws {P2psyncError} `bad-address` or `port-busy` */
  async start(): Promise<void> {
    this.#node = await this.#listen()
    this.#logger.info('listening', { device: this.device, addresses: this.addresses() })
    await this.#discovery.start()
  }

  /**
   * From now on who dials us is turned away before anything is proved: while our folders end one by one, a handshake
   * would say that none is shared, and the other device would tell its user so.
   */
  close(): void {
    this.#isClosed = true
    this.#opened.resolve()
  }

  async stop(): Promise<void> {
    this.close()
    await this.#discovery.stop()
    for (const link of this.#links.all()) this.#end(link, 'this node stops')
    await this.#node?.stop()
    this.#node = null
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  /** Our multiaddrs, with `/p2p`; they change with the network. */
  addresses(): string[] {
    return this.#node?.getMultiaddrs().map(String) ?? []
  }

  /** The port to prefer at the next start, or 0 while nothing listens. */
  port(): number {
    return (
      this.addresses()
        .map(hostPort)
        .find((end) => end !== null)?.port ?? 0
    )
  }

  peers(): TransportPeer[] {
    return this.#links.all().map((link) => {
      const source = this.#discovery.sourceOf(link.device, addressOf(link.connection))
      return transportPeer(link, { connectedSinceMs: this.#connectedSince.get(link.connection) ?? 0, source })
    })
  }

  /** Another process with the key of this device. Once one was met, nobody is connected until this one is started anew. */
  get twin(): Refusal | null {
    return this.#handshakes.twin
  }

  /** Handshakes without a common folder, ours and theirs, newest first, at most 100. */
  refusals(): readonly Refusal[] {
    return this.#handshakes.refusals()
  }

  /** What `isPaused` says of a device has changed: its connections are ended, or it is dialled at once. */
  pauseChanged(device: DeviceId): void {
    if (!this.#options.isPaused(device)) this.#discovery.dialAllAtOnce()
    else for (const link of this.#links.of(device)) this.#end(link, 'the device is paused')
  }

  /** Must come before the folder is joined; nothing is proved until then. */
  addFolderKeys(keys: FolderKeys): void {
    this.#keys.set(keys.folder, keys)
  }

  join(folder: FolderId, handler: FolderTransportHandler): Promise<FolderTransport> {
    assert(this.#keys.has(folder), 'the keys of a folder come before it is joined')
    assert(!this.#handlers.has(folder), 'a folder is joined once')
    this.#handlers.set(folder, handler)
    this.#opened.resolve()
    this.#foldersChanged(this.#links.all())
    return Promise.resolve({
      open: async (peer: DeviceId, protocol: FolderProtocol, signal: AbortSignal) => {
        const link = this.#links.best(peer, folder)
        if (link === null) throw new P2psyncError('peer-gone', 'the device is not connected')
        return openFolderStream(link, { folder, protocol }, { clock: this.#options.clock, signal })
      },
      leave: () => {
        this.#handlers.delete(folder)
        this.#foldersChanged(this.#links.all().filter((link) => link.folders.has(folder)))
        return Promise.resolve()
      },
    })
  }

  #joinedKeys(): FolderKeys[] {
    return [...this.#handlers.keys()].flatMap((folder) => this.#keys.get(folder) ?? [])
  }

  #onRefused(refusal: Refusal): void {
    this.#logger.info('a connection was refused', { ...refusal })
    if (refusal !== this.twin) return
    this.#logger.error('another process has the key of this device: nothing is synced', { address: refusal.address })
    this.#foldersChanged(this.#links.all())
    this.onTwin()
  }

  #foldersChanged(outdated: readonly PeerLink<Connection>[]): void {
    this.#generation++
    for (const link of outdated) this.#end(link, 'the set of folders changed')
    this.#discovery.dialAllAtOnce()
  }

  async #listen(): Promise<Libp2p> {
    const { listen, preferredPort, privateKey, mdns } = this.#options
    const heard: MdnsOptions = {
      onSighting: (device, addresses) => this.#discovery.heard('mdns', device, addresses),
      logger: this.#logger,
    }
    return listenAnywhere({ given: listen, preferredPort, logger: this.#logger }, async (addresses) => {
      const encrypter = this.#handshakes.encrypter()
      const node = await createNode({ privateKey, listen: addresses, encrypter, mdns: mdns ? heard : null })
      await this.#attach(node)
      await node.start()
      return node
    })
  }

  async #attach(node: Libp2p): Promise<void> {
    node.addEventListener('connection:open', (event) => this.#onOpen(event.detail))
    node.addEventListener('connection:close', (event) => this.#onClose(event.detail))
    node.addEventListener('peer:identify', (event) => this.#onIdentify(event.detail))
    const limits = { maxInboundStreams: streamsPerProtocolMax, maxOutboundStreams: streamsPerProtocolMax }
    for (const protocol of ['sync', 'blocks'] as const) {
      await node.handle(
        protocolIds[protocol],
        (stream, connection) => this.#onStream(protocol, { stream, connection }),
        limits,
      )
    }
  }

  #onOpen(connection: Connection): void {
    const proof = this.#handshakes.proofOf(connection)
    const device = parseDeviceId(connection.remotePeer.toString())
    if (proof === null || proof.generation !== this.#generation) {
      connection.abort(new Error('the set of folders changed'))
      return
    }
    if (this.#options.isPaused(device)) {
      this.#logger.debug('a paused device was sent away', { device, address: addressOf(connection) })
      connection.abort(new Error('the device is paused'))
      return
    }
    const openedMs = this.#options.clock.monotonic()
    const inbound = connection.direction === 'inbound'
    const link = { connection, device, folders: new Set(proof.folders), inbound, openedMs, streams: 0 }
    for (const dead of this.#links.deadBefore(link)) this.#end(dead, 'the device connected anew')
    this.#connectedSince.set(connection, this.#options.clock.now())
    const news = this.#links.add(link)
    this.#logger.info('connected', { device, address: addressOf(connection), inbound, folders: proof.folders.length })
    if (!inbound) this.#discovery.learned(device, [addressOf(connection)])
    this.#tell(news, (handler) => handler.onPeerUp(device))
  }

  #onClose(connection: Connection): void {
    const link = this.#links.get(connection)
    if (link === null) return
    const gone = this.#links.remove(connection)
    this.#logger.info('disconnected', { device: link.device, address: addressOf(connection) })
    if (this.#links.of(link.device).length === 0) {
      this.#discovery.lost(link.device, this.#options.clock.monotonic() - link.openedMs)
    }
    this.#tell(gone, (handler) => handler.onPeerDown(link.device))
  }

  /** Ends a connection; its device is reported as gone before this returns. */
  #end({ connection }: PeerLink<Connection>, reason: string): void {
    this.#onClose(connection)
    connection.abort(new Error(reason))
  }

  #tell(changes: readonly PeerChange[], call: (handler: FolderTransportHandler) => void): void {
    for (const { folder } of changes) {
      const handler = this.#handlers.get(folder)
      if (handler !== undefined) call(handler)
    }
  }

  /** Where the device says that it listens; loopback addresses mean something to whoever came by loopback. */
  #onIdentify({ connection, listenAddrs }: IdentifyResult): void {
    const link = this.#links.get(connection)
    if (link === null) return
    const near = isLoopbackAddress(addressOf(connection))
    const said = listenAddrs.flatMap((address) => tryParsePeerAddress(address.toString())?.address ?? [])
    const usable = said.filter((address) => near || !isLoopbackAddress(address))
    this.#discovery.learned(link.device, link.inbound ? usable : [addressOf(connection), ...usable])
  }

  async #onStream(
    protocol: FolderProtocol,
    { stream, connection }: { stream: Stream; connection: Connection },
  ): Promise<void> {
    const link = this.#links.get(connection)
    if (link === null) {
      stream.abort(new Error('the connection is being ended'))
      return
    }
    try {
      const { folder, frames } = await acceptFolderStream(link, stream, { protocol, clock: this.#options.clock })
      const handler = this.#links.get(connection) === link ? this.#handlers.get(folder) : undefined
      if (handler === undefined) frames.abort('the folder was left')
      else handler.onStream(link.device, protocol, frames)
    } catch (error) {
      this.#logger.debug('a stream was refused', { device: link.device, protocol, reason: errorText(error) })
    }
  }

  #dial(request: DialRequest): Promise<DialOutcome> {
    const node = this.#node
    if (node === null || this.#handlers.size === 0 || this.twin !== null) {
      return Promise.resolve({ outcome: 'failed', reason: 'no folder is joined' })
    }
    const { clock } = this.#options
    return dialNode({ node, self: this.device, refusals: () => this.refusals(), clock }, request)
  }

  #endSuperfluous(): void {
    for (const link of this.#links.superfluous(this.#options.clock.monotonic())) this.#end(link, 'there is another one')
  }
}
