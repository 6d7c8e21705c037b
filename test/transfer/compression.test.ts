import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PackOrder, PackTrial } from '../../src/ports/packing.ts'
import { PackDecision } from '../../src/transfer/compression.ts'
import { mebibyte, simulateTransfer, type SimulatedLink, type Transfer } from './simulated-link.ts'

const hundredMegabit = 100e6 / 8
const text = 1 / 3
const random = 1

describe('PackDecision', () => {
  it.each([
    ['10 Mbit/s, next door', hundredMegabit / 10, 1],
    ['100 Mbit/s, next door', hundredMegabit, 1],
    ['100 Mbit/s, far away', hundredMegabit, 80],
  ])('carries text at more than twice the rate: %s', (_, rate, roundTripMs) => {
    const { gain } = compare({ rate, roundTripMs })
    expect(gain).toBeGreaterThan(2)
  })

  it.each([
    ['loopback', 700 * mebibyte, 0.2],
    ['10 Gbit/s', 1000 * mebibyte, 0.5],
    ['a gigabit, with a processor that packs three times as fast', 118 * mebibyte, 0.5],
  ])('packs nothing where packing could be slower: %s', (_, rate, roundTripMs) => {
    const { orders } = compare({ rate, roundTripMs })
    expect(countOf(orders)).toBe(0)
  })

  it('does not pack what does not shrink, and tries it less and less often', () => {
    const { orders, gain } = compare({ share: () => random })
    expect(countOf(orders)).toBeLessThan(30)
    expect(gain).toBeGreaterThan(0.99)
  })

  it('packs text that comes after what did not shrink', () => {
    const { orders } = compare({
      share: (reply) => (reply < 200 ? random : text),
      content: (reply) => (reply < 200 ? 'film' : 'log'),
    })
    expect(countOf(orders.slice(210, 250))).toBe(40)
  })

  it('is nowhere slower by more than what it costs to find out', () => {
    const share = fc.oneof(fc.constant(random), fc.double({ min: 0.02, max: 1, noNaN: true }))
    const anyLink = fc.record({
      rate: fc.double({ min: 0.1, max: 1000, noNaN: true }),
      roundTripMs: fc.double({ min: 0.1, max: 200, noNaN: true }),
      packRate: fc.double({ min: 50, max: 600, noNaN: true }),
      shares: fc.array(share, { minLength: 1, maxLength: 5 }),
    })
    fc.assert(
      fc.property(anyLink, ({ rate, roundTripMs, packRate, shares }) => {
        const { plainMs, endedAtMs } = compare({
          rate: rate * mebibyte,
          roundTripMs,
          packRate: packRate * mebibyte,
          share: (reply) => shares[reply % shares.length]!,
          replies: 100,
        })
        // One reply that is packed in vain, and little more.
        expect(endedAtMs).toBeLessThan(plainMs * 1.06 + 1.5 * (1000 / packRate))
      }),
    )
  })

  it('stops when the link has become fast, and packs again when it has become slow', () => {
    const decision = new PackDecision()
    let startsAtMs = 0
    const phases = [
      { rate: hundredMegabit, replies: 300 },
      { rate: 700 * mebibyte, replies: 6000 },
      { rate: hundredMegabit, replies: 300 },
    ]
    const packed = phases.map((phase) => {
      const transfer = simulateTransfer({ ...slowText, ...phase, decision, startsAtMs })
      startsAtMs = transfer.endedAtMs
      return countOf(transfer.orders.slice(-50))
    })
    expect(packed).toEqual([50, 0, 50])
  })

  it('takes a limit of rate for the link, at once', () => {
    const decision = new PackDecision()
    const next = { content: 'log', nowMs: 0 }
    expect(decision.next({ ...next, limit: null })).toBe(null)
    expect(decision.next({ ...next, limit: mebibyte })).toEqual({ level: 1 })
    decision.tried('log', trialAt(300 * mebibyte), 0)
    expect(decision.next({ ...next, limit: mebibyte })).toEqual({ level: 3 })
    expect(decision.next({ ...next, limit: 900 * mebibyte })).toBe(null)
  })

  it('lets one reply at a time show whether packing is worth while at all', () => {
    const decision = new PackDecision()
    const next = { content: 'log', limit: mebibyte, nowMs: 0 }
    expect([decision.next(next), decision.next(next)]).toEqual([{ level: 1 }, null])
    expect(decision.next({ ...next, nowMs: 500 })).toEqual({ level: 1 })
  })

  it('packs smaller the slower the link is', () => {
    const levels = [1, 20, 40].map((limit) => {
      const decision = new PackDecision()
      decision.tried('log', trialAt(300 * mebibyte), 0)
      return decision.next({ content: 'log', limit: limit * mebibyte, nowMs: 0 })?.level
    })
    expect(levels).toEqual([3, 2, 1])
  })

  it('packs nothing while the processor is slower than the link, but looks again later', () => {
    const decision = new PackDecision()
    decision.tried('log', trialAt(10 * mebibyte), 0)
    const next = { content: 'log', limit: 10 * mebibyte }
    expect(decision.next({ ...next, nowMs: 9900 })).toBe(null)
    expect(decision.next({ ...next, nowMs: 10_000 })).toEqual({ level: 1 })
    decision.tried('log', trialAt(300 * mebibyte), 10_000)
    expect(decision.next({ ...next, nowMs: 10_001 })).not.toBe(null)
  })
})

const slowText: SimulatedLink = {
  rate: hundredMegabit,
  roundTripMs: 1,
  packRate: 300 * mebibyte,
  share: () => text,
  decision: null,
  replies: 300,
}

/** How much sooner all is there than without packing. */
function compare(link: Partial<SimulatedLink>): Transfer & { readonly plainMs: number; readonly gain: number } {
  const plain = simulateTransfer({ ...slowText, ...link })
  const transfer = simulateTransfer({ ...slowText, ...link, decision: new PackDecision() })
  return { ...transfer, plainMs: plain.endedAtMs, gain: plain.endedAtMs / transfer.endedAtMs }
}

function countOf(orders: readonly (PackOrder | null)[]): number {
  return orders.filter((order) => order !== null).length
}

function trialAt(bytesPerSecond: number): PackTrial {
  return {
    extent: 'all',
    level: 1,
    rawBytes: mebibyte,
    packedBytes: mebibyte * text,
    elapsedMs: (mebibyte * 1000) / bytesPerSecond,
  }
}
