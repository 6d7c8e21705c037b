import { generateKeyPair } from '@libp2p/crypto/keys'
import type { KnownAddresses, KnownDevice } from '../../src/node/known-addresses.ts'
import { Libp2pTransport } from '../../src/node/libp2p-transport.ts'
import type { Libp2pTransportOptions } from '../../src/node/libp2p-transport-options.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import type { Logger, LogFields } from '../../src/ports/logger.ts'

/** Known addresses that live as long as the test. */
export class MemoryKnownAddresses implements KnownAddresses {
  devices: readonly KnownDevice[] = []

  load(): Promise<readonly KnownDevice[]> {
    return Promise.resolve(this.devices)
  }

  save(devices: readonly KnownDevice[]): Promise<void> {
    this.devices = devices
    return Promise.resolve()
  }
}

/** Keeps what is logged. */
export class MemoryLogger implements Logger {
  readonly lines: { readonly message: string; readonly fields: LogFields }[] = []

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields })
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields })
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields })
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ message, fields })
  }

  child(): Logger {
    return this
  }
}

/** Real transports on 127.0.0.1 that find others only as they are told to. */
export class TransportGroup {
  readonly #started: Libp2pTransport[] = []

  /** Not started; `options` take the place of what is usual here. */
  async make(options: Partial<Libp2pTransportOptions> = {}): Promise<Libp2pTransport> {
    const transport = new Libp2pTransport({
      privateKey: options.privateKey ?? (await generateKeyPair('Ed25519')),
      listen: ['/ip4/127.0.0.1/tcp/0'],
      preferredPort: 0,
      staticPeers: [],
      mdns: false,
      sameHostFolder: null,
      knownAddresses: new MemoryKnownAddresses(),
      isPaused: () => false,
      clock: systemClock,
      random: systemRandom,
      logger: new MemoryLogger(),
      ...options,
    })
    this.#started.push(transport)
    return transport
  }

  async start(options: Partial<Libp2pTransportOptions> = {}): Promise<Libp2pTransport> {
    const transport = await this.make(options)
    await transport.start()
    return transport
  }

  async close(): Promise<void> {
    await Promise.all(this.#started.splice(0).map((transport) => transport.stop()))
  }
}
