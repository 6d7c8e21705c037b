import type { DeviceId } from '../../src/model/device-id.ts'
import { MemoryNetwork, type MemoryNetworkOptions } from '../twins/memory-network.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { SimulatedClock } from '../twins/simulated-clock.ts'
import { WorldDevice, type DeviceOptions } from './world-device.ts'

export { WorldDevice, type DeviceOptions } from './world-device.ts'

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

export interface WorldOptions {
  readonly seed?: number
  /** How long a frame takes at most; each takes its own time, in order. */
  readonly delayMsMax?: number
  /** More about the network; by default it is fast and whole. */
  readonly network?: Omit<MemoryNetworkOptions, 'clock' | 'soon'>
}

/** Whole devices in one process: disks, databases, network and time are in memory, and a seed gives the same run again. */
export class ReplicaWorld {
  readonly clock = new SimulatedClock()
  readonly random: SeededRandom
  readonly network: MemoryNetwork
  readonly devices: WorldDevice[] = []
  readonly failures: string[] = []

  constructor({ seed = 1, delayMsMax = 0, network = {} }: WorldOptions = {}) {
    this.random = new SeededRandom(seed)
    const delay = delayMsMax === 0 ? {} : { delayMs: () => this.random.fraction() * delayMsMax }
    const soon = (act: () => void): void => this.clock.soon(act)
    this.network = new MemoryNetwork({ clock: this.clock.view(), soon, ...delay, ...network })
  }

  async add(name: string, options: DeviceOptions = {}): Promise<WorldDevice> {
    const letter = alphabet[this.devices.length]!
    const device = new WorldDevice(this, name, `12D3Koo${letter.repeat(45)}` as DeviceId, options)
    this.devices.push(device)
    await device.start()
    return device
  }

  /** Waits until no device has anything to do and all have the same root; returns the trees, which must be equal. */
  async rest(devices: readonly WorldDevice[] = this.devices): Promise<Map<string, string>> {
    const rested = await this.clock.run(() => isAtRest(devices) || this.failures.length > 0, 180_000)
    if (this.failures.length > 0) throw new Error(this.failures.join('\n'))
    if (!rested) throw new Error(`no rest:\n${describeAll(devices)}`)
    const [first, ...others] = devices.map((device) => device.tree())
    for (const other of others) {
      if (!isSameTree(first!, other)) throw new Error(`trees differ:\n${describeAll(devices)}`)
    }
    return first!
  }

  /** Waits until each of these devices has taken in what was done to it and by the peers that it can reach. */
  async settle(...devices: readonly WorldDevice[]): Promise<void> {
    const isSettled = (device: WorldDevice): boolean =>
      ['waiting', 'in-sync'].includes(device.replica.view.status().state)
    if (!(await this.clock.run(() => devices.every(isSettled), 60_000))) throw new Error(describeAll(devices))
  }

  async stop(): Promise<void> {
    for (const device of this.devices) await device.stop()
  }
}

function isAtRest(devices: readonly WorldDevice[]): boolean {
  const first = devices[0]?.replica.index.summary.hash
  if (first === undefined) return true
  return (
    devices.every(({ replica }) => Buffer.compare(replica.index.summary.hash, first) === 0) &&
    devices.every(({ replica }) => {
      const { state } = replica.view.status()
      return state === 'in-sync' || (devices.length === 1 && state === 'waiting')
    })
  )
}

function isSameTree(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([path, what]) => b.get(path) === what)
}

function describeAll(devices: readonly WorldDevice[]): string {
  return devices.map((device) => device.describe()).join('\n')
}
