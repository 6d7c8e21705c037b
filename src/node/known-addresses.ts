import type { DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { addressesPerCandidateMax, candidatesMax } from './dial-candidates.ts'

/** Where a device that has proved one of our folders was reached, or says that it listens. */
export interface KnownDevice {
  readonly device: DeviceId
  /** Multiaddrs without `/p2p`, the likeliest first. */
  readonly addresses: readonly string[]
  /** Milliseconds since 1970. */
  readonly seenMs: number
}

/** Keeps the addresses of devices over a restart. */
export interface KnownAddresses {
  load(): Promise<readonly KnownDevice[]>
  save(devices: readonly KnownDevice[]): Promise<void>
}

/** The devices met so far, written to their store a moment after each change. */
export class AddressBook {
  readonly #store: KnownAddresses
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #devices = new Map<DeviceId, KnownDevice>()
  #saving: Promise<void> | null = null
  #hurry = new AbortController()

  constructor(deps: { store: KnownAddresses; clock: Clock; logger: Logger }) {
    this.#store = deps.store
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  async load(): Promise<readonly KnownDevice[]> {
    try {
      for (const known of await this.#store.load()) this.#devices.set(known.device, known)
    } catch (error) {
      this.#logger.warn('the addresses of known devices cannot be read', { reason: errorText(error) })
    }
    return [...this.#devices.values()]
  }

  /** Puts `addresses` in front of what is known of the device, and returns all. */
  learn(device: DeviceId, addresses: readonly string[]): readonly string[] {
    const before = this.#devices.get(device)?.addresses ?? []
    const all = [...new Set([...addresses, ...before])].slice(0, addressesPerCandidateMax)
    this.#devices.set(device, { device, addresses: all, seenMs: this.#clock.now() })
    this.#saving ??= this.#save()
    return all
  }

  /** Resolves when all is written. */
  async close(): Promise<void> {
    this.#hurry.abort()
    await this.#saving
  }

  async #save(): Promise<void> {
    await this.#clock.sleep(saveAfterMs, this.#hurry.signal).catch(() => undefined)
    this.#saving = null
    const newest = [...this.#devices.values()].toSorted((a, b) => b.seenMs - a.seenMs).slice(0, candidatesMax)
    try {
      await this.#store.save(newest)
    } catch (error) {
      this.#logger.warn('the addresses of known devices cannot be kept', { reason: errorText(error) })
    }
  }
}

const saveAfterMs = 1000
