import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, it, onTestFailed } from 'vitest'
import { Lab, labProblem } from './lab.ts'

const problem = labProblem()

/** A device that runs on a host, and what it said so far. */
class LabDevice {
  readonly events: { readonly event: string; readonly address?: string }[] = []
  readonly #child
  #wake: (() => void)[] = []

  constructor(lab: Lab, host: number, seed = host) {
    this.#child = lab.start(host, 'env', `SEED=${seed}`, process.execPath, join(import.meta.dirname, 'lab-node.ts'))
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      this.events.push(JSON.parse(line) as { event: string; address?: string })
      for (const wake of this.#wake.splice(0)) wake()
    })
  }

  /** Resolves when it has said `event` for the `times`-th time. */
  async said(event: string, times = 1): Promise<void> {
    while (this.events.filter((other) => other.event === event).length < times) {
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  /** Resolves when it has connected to, or been reached from, an address with `part` in it. */
  async connectedAt(part: string): Promise<void> {
    while (!this.events.some(({ event, address }) => event === 'connected' && address?.includes(part) === true)) {
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  /** Resolves when the last that it said of the other is that it is there. */
  async isUp(): Promise<void> {
    while (this.events.findLast(({ event }) => event === 'up' || event === 'down')?.event !== 'up') {
      await new Promise<void>((resolve) => this.#wake.push(resolve))
    }
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGKILL')
    await ended
  }
}

describe.skipIf(problem !== null)(`mDNS between hosts${problem === null ? '' : ` (skipped: ${problem})`}`, () => {
  let lab: Lab | null = null
  afterEach(async () => {
    await lab?.down()
    lab = null
  })

  const pair = async (): Promise<[Lab, LabDevice, LabDevice]> => {
    lab = await Lab.up(`p2psync${process.pid % 100_000}`, 2)
    const devices: [LabDevice, LabDevice] = [new LabDevice(lab, 1), new LabDevice(lab, 2)]
    onTestFailed(() => devices.forEach(({ events }, i) => console.log(`host ${i + 1}:`, JSON.stringify(events))))
    await Promise.all(devices.map((device) => device.said('started')))
    return [lab, ...devices]
  }
  const both = async (devices: readonly LabDevice[], event: string, times = 1): Promise<number> => {
    const from = performance.now()
    await Promise.all(devices.map((device) => device.said(event, times)))
    return performance.now() - from
  }

  it('connects devices that know nothing of each other, within seconds', async () => {
    const [, ...devices] = await pair()
    expect(await both(devices, 'up')).toBeLessThan(10_000)
  })

  it('connects them again after a partition', async () => {
    const [hosts, ...devices] = await pair()
    await both(devices, 'up')
    await hosts.partition(1, 2)
    expect(await both(devices, 'down')).toBeLessThan(20_000)
    await hosts.heal(1, 2)
    expect(await both(devices, 'up', 2)).toBeLessThan(20_000)
  })

  it('connects them again when the address of one has changed', async () => {
    const [hosts, ...devices] = await pair()
    await both(devices, 'up')
    await hosts.exec(2, 'ip', 'addr', 'del', '10.77.0.12/24', 'dev', 'eth0')
    await hosts.exec(2, 'ip', 'addr', 'add', '10.77.0.99/24', 'dev', 'eth0')
    await hosts.exec(2, 'ip', 'route', 'replace', '224.0.0.0/4', 'dev', 'eth0')
    // Either may learn of the new connection before it gives the old one up: then nobody was ever away for it.
    await devices[0].connectedAt('/10.77.0.99/')
    await Promise.all(devices.map((device) => device.isUp()))
    expect(devices[0].events.filter(({ event }) => event === 'connected').length).toBeGreaterThan(1)
  })

  it('connects them again when one is killed and started anew', async () => {
    const [hosts, first, second] = await pair()
    await both([first, second], 'up')
    await second.kill()
    await first.said('down')
    const again = new LabDevice(hosts, 2)
    await again.said('started')
    expect(await both([again], 'up')).toBeLessThan(10_000)
    await first.said('up', 2)
  })

  it('stops both of two devices that have one key', async () => {
    lab = await Lab.up(`p2psync${process.pid % 100_000}`, 2)
    const devices = [new LabDevice(lab, 1, 1), new LabDevice(lab, 2, 1)]
    expect(await both(devices, 'another process has the key of this device: nothing is synced')).toBeLessThan(15_000)
  })

  it('says how to add the route without which nobody is found', async () => {
    lab = await Lab.up(`p2psync${process.pid % 100_000}`, 1)
    await lab.exec(1, 'ip', 'route', 'del', '224.0.0.0/4', 'dev', 'eth0')
    const device = new LabDevice(lab, 1)
    await device.said('no route for multicast: devices of this network will not be found by mDNS')
    expect(device.events).toContainEqual(expect.objectContaining({ hint: 'ip route add 224.0.0.0/4 dev eth0' }))
  })
})
