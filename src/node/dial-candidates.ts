import type { DeviceId } from '../model/device-id.ts'
import { dialAtOnce, isNews, type DialPlan, type Sighting } from './redial-plan.ts'

/** Who told of an address, in the order in which they are tried. */
export const addressSources = ['same host', 'mdns', 'static', 'remembered'] as const
export type AddressSource = (typeof addressSources)[number]

export const candidatesMax = 64
export const addressesPerCandidateMax = 8

/** One device to dial, or one address whose device is not known before it answers. */
export interface DialCandidate {
  /** The device that is expected, or that answered last. */
  device: DeviceId | null
  /** True when only `device` may answer. */
  readonly pinned: boolean
  readonly sources: Map<AddressSource, Sighting>
  plan: DialPlan
  dialling: boolean
}

/** The devices that are dialled: at most {@link candidatesMax} beside those that the user named. */
export class DialCandidates {
  readonly #candidates = new Map<string, DialCandidate>()

  all(): readonly DialCandidate[] {
    return [...this.#candidates.values()]
  }

  of(device: DeviceId): readonly DialCandidate[] {
    return this.all().filter((candidate) => candidate.device === device)
  }

  remove(gone: DialCandidate): void {
    for (const [key, candidate] of this.#candidates) if (candidate === gone) this.#candidates.delete(key)
  }

  /**
   * Takes in what a source says now. Returns true when that is news, and the device is to be dialled at once. When the
   * places are taken, the one that failed most often makes room; when none failed, the new one is left out.
   */
  sight(source: AddressSource, device: DeviceId | null, sighting: Sighting): boolean {
    const addresses = [...new Set(sighting.addresses)].slice(0, addressesPerCandidateMax)
    if (addresses.length === 0) return false
    const key = device ?? `at ${addresses[0]}`
    const candidate = this.#candidates.get(key) ?? this.#add(key, { source, device, nowMs: sighting.seenMs })
    if (candidate === null) return false
    const before = candidate.sources.get(source)
    const given = before !== undefined && source === 'static' ? merged(before.addresses, addresses) : addresses
    const now = { addresses: given, seenMs: sighting.seenMs }
    const news = isNews(before, now)
    candidate.sources.set(source, now)
    if (news) candidate.plan = dialAtOnce(sighting.seenMs)
    return news
  }

  #add(
    key: string,
    { source, device, nowMs }: { source: AddressSource; device: DeviceId | null; nowMs: number },
  ): DialCandidate | null {
    if (source !== 'static' && !this.#makeRoom()) return null
    const candidate: DialCandidate = {
      device,
      pinned: device !== null,
      sources: new Map(),
      plan: dialAtOnce(nowMs),
      dialling: false,
    }
    this.#candidates.set(key, candidate)
    return candidate
  }

  #makeRoom(): boolean {
    const found = this.all().filter((candidate) => !candidate.sources.has('static'))
    if (found.length < candidatesMax) return true
    const worst = found.reduce((a, b) => (fruitless(b) > fruitless(a) ? b : a))
    if (fruitless(worst) === 0) return false
    this.remove(worst)
    return true
  }
}

/** Where to dial, the likeliest first. */
export function addressesOf(candidate: DialCandidate): readonly string[] {
  const addresses = addressSources.flatMap((source) => candidate.sources.get(source)?.addresses ?? [])
  return [...new Set(addresses)].slice(0, addressesPerCandidateMax)
}

function merged(before: readonly string[], addresses: readonly string[]): readonly string[] {
  return [...new Set([...before, ...addresses])].slice(0, addressesPerCandidateMax)
}

function fruitless(candidate: DialCandidate): number {
  return candidate.dialling ? 0 : candidate.plan.failures + candidate.plan.refusals
}
