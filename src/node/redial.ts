import type { DeviceId } from '../model/device-id.ts'
import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { Random } from '../ports/random.ts'
import {
  addressesOf,
  addressSources,
  DialCandidates,
  type AddressSource,
  type DialCandidate,
} from './dial-candidates.ts'
import { afterFailure, afterLoss, afterRefusal, dialAtOnce } from './redial-plan.ts'

export type DialOutcome =
  | { readonly outcome: 'connected'; readonly device: DeviceId }
  /** The other side answered and shares no folder with us. */
  | { readonly outcome: 'refused'; readonly device: DeviceId | null }
  /** It is this device. */
  | { readonly outcome: 'self' }
  | { readonly outcome: 'failed'; readonly reason: string }

export interface DialRequest {
  readonly device: DeviceId | null
  readonly addresses: readonly string[]
  readonly signal: AbortSignal
}

export interface RedialDeps {
  /** One try; never rejects for a reason of the network. */
  readonly dial: (request: DialRequest) => Promise<DialOutcome>
  readonly isConnected: (device: DeviceId) => boolean
  /** False while there is nothing to sync: nobody is dialled then. */
  readonly isReady: () => boolean
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/**
 * Keeps this device connected with every device that it has heard of: dials each at once and again, at growing
 * intervals ({@link DialPlan}), while there is no connection to it.
 */
export class Redial {
  readonly #deps: RedialDeps
  readonly #candidates = new DialCandidates()
  readonly #dials = new Set<Promise<void>>()
  #stopping = new AbortController()
  #running: Promise<void> | null = null
  #wake: () => void = () => undefined

  constructor(deps: RedialDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#stopping = new AbortController()
    this.#running = this.#run(this.#stopping.signal)
  }

  /** Ends the dials that are under way, and forgets nothing: it can be started again. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    await this.#running
    await Promise.all(this.#dials)
    this.#running = null
  }

  /** A source names the addresses of a device (null: of whoever answers there). */
  sight(source: AddressSource, device: DeviceId | null, addresses: readonly string[]): void {
    if (this.#candidates.sight(source, device, { addresses, seenMs: this.#deps.clock.monotonic() })) this.#wake()
  }

  /** The last connection with a device ended, `upMs` after it began. */
  lost(device: DeviceId, upMs: number): void {
    const { clock, random } = this.#deps
    for (const candidate of this.#candidates.of(device)) {
      candidate.plan = afterLoss(candidate.plan, clock.monotonic(), upMs, random.fraction())
    }
    this.#wake()
  }

  /** The network or the set of our folders changed: whoever did not answer or refused us may do otherwise now. */
  dialAllAtOnce(): void {
    for (const candidate of this.#candidates.all()) candidate.plan = dialAtOnce(this.#deps.clock.monotonic())
    this.#wake()
  }

  /** Which source an address of a device came from, or null. */
  sourceOf(device: DeviceId, address: string): AddressSource | null {
    for (const source of addressSources) {
      for (const candidate of this.#candidates.of(device)) {
        if (candidate.sources.get(source)?.addresses.includes(address) === true) return source
      }
    }
    return null
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const waitMs = this.#dialDue(signal)
      const woken = new AbortController()
      this.#wake = () => woken.abort()
      await this.#deps.clock.sleep(waitMs, woken.signal).catch(() => undefined)
    }
  }

  /** Starts the dials whose time has come and returns how long the next one can wait. */
  #dialDue(signal: AbortSignal): number {
    const nowMs = this.#deps.clock.monotonic()
    let waitMs = waitMsMax
    if (!this.#deps.isReady()) return waitMs
    for (const candidate of this.#candidates.all()) {
      if (candidate.dialling || this.#isConnected(candidate)) continue
      if (candidate.plan.nextDialMs > nowMs) {
        waitMs = Math.min(waitMs, candidate.plan.nextDialMs - nowMs)
      } else if (this.#dials.size < dialsMax) {
        const dial = this.#dial(candidate, signal).finally(() => {
          this.#dials.delete(dial)
          this.#wake()
        })
        this.#dials.add(dial)
      }
    }
    return waitMs
  }

  #isConnected(candidate: DialCandidate): boolean {
    return candidate.device !== null && this.#deps.isConnected(candidate.device)
  }

  async #dial(candidate: DialCandidate, signal: AbortSignal): Promise<void> {
    const addresses = addressesOf(candidate)
    const plan = candidate.plan
    candidate.dialling = true
    const outcome = await this.#try({ device: candidate.pinned ? candidate.device : null, addresses, signal })
    candidate.dialling = false
    if (outcome.outcome === 'self') this.#candidates.remove(candidate)
    if (outcome.outcome === 'connected' || outcome.outcome === 'refused') candidate.device ??= outcome.device
    if (outcome.outcome === 'connected' && !candidate.pinned) candidate.device = outcome.device
    // A loss or a change in the meantime has made its own plan.
    if (candidate.plan === plan && !this.#isConnected(candidate)) this.#wait(candidate, outcome)
    if (outcome.outcome !== 'connected' && !signal.aborted) this.#log(candidate, { addresses, outcome })
  }

  async #try(request: DialRequest): Promise<DialOutcome> {
    try {
      return await this.#deps.dial(request)
    } catch (error) {
      return { outcome: 'failed', reason: errorText(error) }
    }
  }

  #wait(candidate: DialCandidate, { outcome }: DialOutcome): void {
    const { clock, random } = this.#deps
    const next = outcome === 'refused' ? afterRefusal : afterFailure
    candidate.plan = next(candidate.plan, clock.monotonic(), random.fraction())
  }

  #log(candidate: DialCandidate, { addresses, outcome }: { addresses: readonly string[]; outcome: DialOutcome }): void {
    const fields = { device: candidate.device, addresses, ...outcome, failures: candidate.plan.failures }
    const first = candidate.plan.failures <= 1 && candidate.plan.refusals <= 1
    if (candidate.sources.has('static') && first) this.#deps.logger.warn('a given address was not reached', fields)
    else this.#deps.logger.debug('a dial ended without a connection', fields)
  }
}

const dialsMax = 8
/** Nothing is due: look again after so long all the same. */
const waitMsMax = 60 * 60_000
