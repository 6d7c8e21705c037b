import { describe, expect, it } from 'vitest'
import { PeerWindow } from '../../src/transfer/peer-window.ts'

const mebibyte = 1024 * 1024

/** Keeps a window full over a link of so many bytes a millisecond and such a round trip; returns what came in the last second. */
function fill(window: PeerWindow, link: { rate: number; roundTripMs: number; fromMs?: number; forMs: number }): number {
  const queue: { at: number; done: () => void; bytes: number }[] = []
  const fromMs = link.fromMs ?? 0
  const endMs = fromMs + link.forMs
  let linkFreeAt = 0
  let lastSecond = 0
  for (let now = fromMs; now < endMs; now++) {
    while (queue.length > 0 && queue[0]!.at <= now) {
      const { done, bytes } = queue.shift()!
      done()
      if (now >= endMs - 1000) lastSecond += bytes
    }
    while (window.inFlightBytes < window.sizeBytes) {
      const bytes = Math.floor(window.portionBytes)
      const asked = window.asked(bytes, now)
      linkFreeAt = Math.max(linkFreeAt, now + link.roundTripMs) + bytes / link.rate
      const at = linkFreeAt
      queue.push({ at, bytes, done: () => window.replied(asked, bytes, Math.ceil(at)) })
    }
  }
  for (const { done } of queue) done()
  return lastSecond
}

describe('the window of a peer', () => {
  it.each([
    ['a far and fast link', 60_000, 50],
    ['a near and fast link', 100_000, 1],
    ['a slow link', 1000, 20],
    ['a link to the other side of the world', 12_500, 250],
  ])('fills %s', (_, rate, roundTripMs) => {
    const window = new PeerWindow()
    expect(fill(window, { rate, roundTripMs, forMs: 8000 })).toBeGreaterThan(0.95 * rate * 1000)
  })

  it('asks a slow link for little more than is on its way', () => {
    const window = new PeerWindow()
    fill(window, { rate: 1000, roundTripMs: 20, forMs: 20_000 })
    // 64 KiB take 65 ms here: more than half a second of queue would be in the way of others.
    expect(window.sizeBytes).toBeLessThan(500 * 1000)
    expect(window.portionBytes).toBe(64 * 1024)
  })

  it('follows a link that becomes faster, and one that becomes slower', () => {
    const window = new PeerWindow()
    fill(window, { rate: 1000, roundTripMs: 20, forMs: 10_000 })
    const slow = window.sizeBytes
    expect(fill(window, { rate: 100_000, roundTripMs: 20, fromMs: 20_000, forMs: 10_000 })).toBeGreaterThan(95e6)
    expect(window.sizeBytes).toBeGreaterThan(4 * slow)
    fill(window, { rate: 1000, roundTripMs: 20, fromMs: 40_000, forMs: 40_000 })
    expect(window.sizeBytes).toBeLessThan(3 * slow)
  })

  it('counts what never comes as no longer on its way, and learns nothing from it', () => {
    const window = new PeerWindow()
    const asked = window.asked(mebibyte, 0)
    expect(window.inFlightBytes).toBe(mebibyte)
    window.replied(asked, 0, 60_000)
    expect(window.inFlightBytes).toBe(0)
    expect(window.latencyMs).toBeNull()
  })
})
