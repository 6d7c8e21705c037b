import type { DeviceId } from '../model/device-id.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import { hostPort, type PeerAddress } from './addresses.ts'
import type { AddressSource } from './dial-candidates.ts'
import { AddressBook, type KnownAddresses } from './known-addresses.ts'
import { interfaceWithoutMulticast } from './mdns.ts'
import { networkChanged, readNetworkState } from './network-change.ts'
import { Redial, type RedialDeps } from './redial.ts'
import { SameHost } from './same-host.ts'

export interface DiscoveryOptions {
  readonly device: DeviceId
  readonly staticPeers: readonly PeerAddress[]
  /** Null: nodes on this host are not looked for. */
  readonly sameHostFolder: string | null
  readonly mdns: boolean
  readonly knownAddresses: KnownAddresses
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly dial: RedialDeps['dial']
  readonly isConnected: RedialDeps['isConnected']
  readonly isReady: RedialDeps['isReady']
  /** Our own multiaddrs. */
  readonly addresses: () => readonly string[]
  /** Called every few seconds, and at once when the network changed. */
  readonly onTick: () => void
}

/** Brings together who may be where (given, remembered, announced, on this host), and keeps {@link Redial} going. */
export class Discovery {
  readonly #options: DiscoveryOptions
  readonly #redial: Redial
  readonly #book: AddressBook
  readonly #sameHost: SameHost | null
  readonly #stopping = new AbortController()
  #watching: Promise<void> | null = null
  #silentInterface: string | null = null
  #askOwnAt = 0
  #asking: Promise<void> | null = null

  constructor(options: DiscoveryOptions) {
    this.#options = options
    this.#redial = new Redial(options)
    this.#book = new AddressBook({ ...options, store: options.knownAddresses })
    this.#sameHost =
      options.sameHostFolder === null
        ? null
        : new SameHost({
            ...options,
            folder: options.sameHostFolder,
            onFound: (device, addresses) => this.heard('same host', device, addresses),
          })
  }

  async start(): Promise<void> {
    for (const { device, address } of this.#options.staticPeers) this.heard('static', device, [address])
    for (const { device, addresses } of await this.#book.load()) this.heard('remembered', device, addresses)
    this.#redial.start()
    this.#watching = this.#watch()
    await this.#sameHost?.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([this.#redial.stop(), this.#sameHost?.stop(), this.#watching, this.#asking, this.#book.close()])
  }

  /** Somebody named the addresses of a device. */
  heard(source: AddressSource, device: DeviceId | null, addresses: readonly string[]): void {
    if (device !== this.#options.device) this.#redial.sight(source, device, addresses)
    else if (source === 'static') this.#redial.sight(source, null, addresses)
    else this.#heardOfOwn(addresses)
  }

  /** A device that has proved a folder was reached at these addresses, or says so. */
  learned(device: DeviceId, addresses: readonly string[]): void {
    if (addresses.length > 0) this.heard('remembered', device, this.#book.learn(device, addresses))
  }

  lost(device: DeviceId, upMs: number): void {
    this.#redial.lost(device, upMs)
  }

  /** Whoever refused us, or was left alone, may be reached now. */
  dialAllAtOnce(): void {
    this.#redial.dialAllAtOnce()
  }

  sourceOf(device: DeviceId, address: string): AddressSource | null {
    return this.#redial.sourceOf(device, address)
  }

  /** Somebody says to be this device: whoever answers there has its key, and handshakes tell whether it is this process. */
  #heardOfOwn(addresses: readonly string[]): void {
    const { clock, dial, isReady, addresses: own } = this.#options
    const ends = new Set(own().map(endOf))
    const elsewhere = addresses.filter((address) => !ends.has(endOf(address)))
    const now = clock.monotonic()
    if (elsewhere.length === 0 || !isReady() || now < this.#askOwnAt) return
    this.#askOwnAt = now + askOwnMs
    const asking = dial({ device: null, addresses: elsewhere, signal: this.#stopping.signal }).then(
      () => undefined,
      () => undefined,
    )
    this.#asking = asking
  }

  async #watch(): Promise<void> {
    const { clock, logger, onTick } = this.#options
    let before = readNetworkState(clock)
    await this.#checkMulticast()
    while (!this.#stopping.signal.aborted) {
      await clock.sleep(tickMs, this.#stopping.signal).catch(() => undefined)
      if (this.#stopping.signal.aborted) return
      const now = readNetworkState(clock)
      if (networkChanged(before, now)) {
        logger.info('the network changed')
        this.#redial.dialAllAtOnce()
        await this.#checkMulticast()
      }
      before = now
      onTick()
    }
  }

  async #checkMulticast(): Promise<void> {
    if (!this.#options.mdns) return
    const silent = await interfaceWithoutMulticast()
    if (silent !== null && silent !== this.#silentInterface) {
      this.#options.logger.warn('no route for multicast: devices of this network will not be found by mDNS', {
        interface: silent,
        hint: `ip route add 224.0.0.0/4 dev ${silent}`,
      })
    }
    this.#silentInterface = silent
  }
}

/** Where somebody listens; '' for what is no such address. */
function endOf(address: string): string {
  const end = hostPort(address)
  return end === null ? '' : `${end.host} ${end.port}`
}

const tickMs = 5000
/** The least time between two tries to reach whoever has our id. */
const askOwnMs = 10_000
