import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseDeviceId, type DeviceId } from '../../src/model/device-id.ts'
import { Redial, type DialOutcome, type DialRequest } from '../../src/node/redial.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryLogger } from './test-transports.ts'

const peer = parseDeviceId(`12D3KooW${'2'.repeat(44)}`)
const other = parseDeviceId(`12D3KooW${'3'.repeat(44)}`)
const address = '/ip4/192.168.1.2/tcp/4001'

describe('Redial', () => {
  let clock: ManualClock
  let redial: Redial
  let logger: MemoryLogger
  let connected: Set<DeviceId>
  let dialled: { readonly atMs: number; readonly addresses: readonly string[]; readonly device: DeviceId | null }[]
  let answer: (request: DialRequest) => DialOutcome | Promise<DialOutcome>

  beforeEach(() => {
    ;[clock, logger, connected, dialled] = [new ManualClock(), new MemoryLogger(), new Set(), []]
    answer = () => ({ outcome: 'failed', reason: 'nobody there' })
    redial = new Redial({
      dial: async (request) => {
        dialled.push({ atMs: clock.monotonic(), addresses: request.addresses, device: request.device })
        return answer(request)
      },
      isConnected: (device) => connected.has(device),
      isReady: () => true,
      clock,
      // Without jitter.
      random: { bytes: (length) => new Uint8Array(length), fraction: () => 0.5 },
      logger,
    })
    redial.start()
  })
  afterEach(() => redial.stop())

  const connects = (device: DeviceId): void => {
    answer = () => {
      connected.add(device)
      return { outcome: 'connected', device }
    }
  }
  const loses = (device: DeviceId, upMs: number): void => {
    connected.delete(device)
    redial.lost(device, upMs)
  }
  const dialTimes = (): number[] => dialled.map(({ atMs }) => atMs)

  it('dials at once who is named, and again at growing intervals', async () => {
    redial.sight('remembered', peer, [address])
    await clock.advance(10_000)
    expect(dialTimes()).toEqual([0, 500, 1500, 3500, 7500])
    expect(dialled[0]).toMatchObject({ addresses: [address], device: peer })
  })

  it('dials nobody who is connected, and at once when the connection is lost', async () => {
    connects(peer)
    redial.sight('mdns', peer, [address])
    await clock.advance(600_000)
    expect(dialTimes()).toEqual([0])
    loses(peer, 600_000)
    await clock.advance(0)
    expect(dialTimes()).toEqual([0, 600_000])
  })

  it('waits longer each time for a connection that breaks at once', async () => {
    answer = (request) => {
      redial.lost(peer, 10)
      return { outcome: 'connected', device: request.device ?? peer }
    }
    redial.sight('remembered', peer, [address])
    await clock.advance(4000)
    expect(dialTimes()).toEqual([0, 500, 1500, 3500])
  })

  it('starts anew when the device is heard of after a silence, or at another address', async () => {
    redial.sight('mdns', peer, [address])
    await clock.advance(40_000)
    dialled = []
    redial.sight('mdns', peer, [address])
    await clock.advance(0)
    expect(dialTimes()).toEqual([40_000])
    redial.sight('mdns', peer, [address])
    await clock.advance(0)
    expect(dialTimes()).toEqual([40_000])
    redial.sight('mdns', peer, ['/ip4/192.168.1.3/tcp/4001'])
    await clock.advance(0)
    expect(dialTimes()).toEqual([40_000, 40_000])
    expect(dialled[1]?.addresses).toEqual(['/ip4/192.168.1.3/tcp/4001'])
  })

  it('leaves in peace who shares no folder, until the folders or the network change', async () => {
    answer = ({ device }) => ({ outcome: 'refused', device })
    redial.sight('mdns', peer, [address])
    await clock.advance(100_000)
    expect(dialTimes()).toEqual([0, 30_000, 90_000])
    redial.dialAllAtOnce()
    await clock.advance(0)
    expect(dialTimes()).toEqual([0, 30_000, 90_000, 100_000])
  })

  it('dials once more when something changed while a dial was under way', async () => {
    const { promise, resolve } = Promise.withResolvers<DialOutcome>()
    answer = () => promise
    redial.sight('mdns', peer, [address])
    await clock.advance(0)
    redial.dialAllAtOnce()
    await clock.advance(100)
    expect(dialTimes()).toEqual([0])
    connects(peer)
    resolve({ outcome: 'refused', device: peer })
    await clock.advance(0)
    expect(dialTimes()).toEqual([0, 100])
  })

  it('dials an address without a device until somebody answers, then while that device is gone', async () => {
    redial.sight('static', null, [address])
    await clock.advance(600)
    connects(other)
    await clock.advance(60_000)
    expect(dialTimes()).toEqual([0, 500, 1500])
    loses(other, 30_000)
    await clock.advance(0)
    expect(dialTimes()).toEqual([0, 500, 1500, 60_600])
    expect(dialled.every(({ device }) => device === null)).toBe(true)
  })

  it('forgets an address at which this device itself answers', async () => {
    answer = () => ({ outcome: 'self' })
    redial.sight('static', null, [address])
    await clock.advance(600_000)
    expect(dialTimes()).toEqual([0])
  })

  it('tries what a host tells of itself before what is announced, given or remembered, each address once', async () => {
    const [a, b, c] = ['/ip4/10.0.0.1/tcp/1', '/ip4/10.0.0.2/tcp/1', '/ip4/10.0.0.3/tcp/1']
    connected.add(peer)
    redial.sight('remembered', peer, [a, b])
    redial.sight('mdns', peer, [b])
    redial.sight('same host', peer, [c])
    connected.clear()
    redial.dialAllAtOnce()
    await clock.advance(0)
    expect(dialled.at(-1)?.addresses).toEqual([c, b, a])
    expect([a, b, c].map((at) => redial.sourceOf(peer, at))).toEqual(['remembered', 'mdns', 'same host'])
  })

  it('dials at most 8 at a time', async () => {
    const open: (() => void)[] = []
    answer = () => new Promise((resolve) => open.push(() => resolve({ outcome: 'failed', reason: 'slow' })))
    for (let i = 1; i <= 20; i++) redial.sight('static', null, [`/ip4/10.0.0.${i}/tcp/1`])
    await clock.advance(0)
    expect(dialled).toHaveLength(8)
    open[0]?.()
    await clock.advance(0)
    expect(dialled).toHaveLength(9)
    for (const end of open) end()
    answer = () => ({ outcome: 'failed', reason: 'slow' })
    await clock.advance(0)
    expect(dialled).toHaveLength(20)
  })

  it('says once that a given address is not reached', async () => {
    redial.sight('static', null, [address])
    await clock.advance(60_000)
    expect(logger.lines.filter(({ message }) => message === 'a given address was not reached')).toHaveLength(1)
  })
})
