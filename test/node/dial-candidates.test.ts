import { describe, expect, it } from 'vitest'
import { parseDeviceId, type DeviceId } from '../../src/model/device-id.ts'
import { addressesOf, addressesPerCandidateMax, candidatesMax, DialCandidates } from '../../src/node/dial-candidates.ts'
import { afterFailure } from '../../src/node/redial-plan.ts'

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZ'

function deviceOf(number: number): DeviceId {
  const digits = `${alphabet[number % 30]}${alphabet[Math.floor(number / 30) % 30]}`
  return parseDeviceId(`12D3KooW${digits}${'2'.repeat(42)}`)
}

function addressOf(number: number): string {
  return `/ip4/10.0.${number >> 8}.${number & 255}/tcp/4001`
}

describe('DialCandidates', () => {
  const full = (): DialCandidates => {
    const candidates = new DialCandidates()
    for (let i = 0; i < candidatesMax; i++) {
      candidates.sight('mdns', deviceOf(i), { addresses: [addressOf(i)], seenMs: 0 })
    }
    return candidates
  }

  it('holds as many as there are places, and those that the user named besides', () => {
    const candidates = full()
    expect(candidates.sight('mdns', deviceOf(100), { addresses: [addressOf(100)], seenMs: 0 })).toBe(false)
    expect(candidates.all()).toHaveLength(candidatesMax)
    expect(candidates.sight('static', deviceOf(101), { addresses: [addressOf(101)], seenMs: 0 })).toBe(true)
    expect(candidates.all()).toHaveLength(candidatesMax + 1)
  })

  it('gives the place of who failed most often to somebody new', () => {
    const candidates = full()
    const [tired] = candidates.of(deviceOf(5))
    tired!.plan = afterFailure(tired!.plan, 0, 0.5)
    expect(candidates.sight('mdns', deviceOf(100), { addresses: [addressOf(100)], seenMs: 0 })).toBe(true)
    expect(candidates.of(deviceOf(5))).toEqual([])
    expect(candidates.all()).toHaveLength(candidatesMax)
  })

  it('takes a bounded number of addresses of each', () => {
    const candidates = new DialCandidates()
    const many = Array.from({ length: 50 }, (_, i) => addressOf(i))
    candidates.sight('mdns', deviceOf(1), { addresses: many, seenMs: 0 })
    candidates.sight('remembered', deviceOf(1), { addresses: many.toReversed(), seenMs: 0 })
    const [candidate] = candidates.of(deviceOf(1))
    expect(addressesOf(candidate!)).toEqual(many.slice(0, addressesPerCandidateMax))
  })

  it('adds up the addresses that the user gave for one device', () => {
    const candidates = new DialCandidates()
    candidates.sight('static', deviceOf(1), { addresses: [addressOf(1)], seenMs: 0 })
    candidates.sight('static', deviceOf(1), { addresses: [addressOf(2)], seenMs: 0 })
    expect(addressesOf(candidates.of(deviceOf(1))[0]!)).toEqual([addressOf(1), addressOf(2)])
  })

  it('leaves out a device without an address', () => {
    const candidates = new DialCandidates()
    expect(candidates.sight('mdns', deviceOf(1), { addresses: [], seenMs: 0 })).toBe(false)
    expect(candidates.all()).toEqual([])
  })
})
