import { describe, expect, it } from 'vitest'
import { LinkRate } from '../../src/transfer/link-rate.ts'

const mebibyte = 1024 * 1024

describe('LinkRate', () => {
  it('is not known before something has come through', () => {
    const link = new LinkRate()
    link.sent(mebibyte, false, 0)
    expect(link.bytesPerSecond).toBe(null)
    expect(link.provedAt).toBe(null)
  })

  it('is what the peer gets while replies queue up', () => {
    const link = new LinkRate()
    send(link, { replies: 20, msEach: 100, ahead: 3 })
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(10)
  })

  it('does not take a peer that asks for nothing for a slow link', () => {
    const link = new LinkRate()
    send(link, { replies: 20, msEach: 100, ahead: 3 })
    link.received(23, 2300)
    link.sent(mebibyte, false, 2300)
    link.received(24, 60_000)
    link.sent(mebibyte, false, 60_000)
    link.received(25, 120_000)
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(10)
  })

  it('follows a link that becomes slower, and one that becomes faster', () => {
    const link = new LinkRate()
    send(link, { replies: 20, msEach: 100, ahead: 3 })
    send(link, { replies: 20, msEach: 1000, ahead: 3, at: 2000 })
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(1)
    send(link, { replies: 5, msEach: 10, ahead: 3, at: 22_000 })
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(100)
  })

  it('is raised, but not lowered, by replies that something else may have held up', () => {
    const link = new LinkRate()
    send(link, { replies: 20, msEach: 100, ahead: 3 })
    send(link, { replies: 20, msEach: 1000, ahead: 3, at: 2000, isHeldUp: true })
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(10)
    send(link, { replies: 5, msEach: 50, ahead: 3, at: 22_000, isHeldUp: true })
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(20)
  })

  it('outlives a stream', () => {
    const link = new LinkRate()
    send(link, { replies: 20, msEach: 100, ahead: 3 })
    link.begin()
    link.sent(mebibyte, false, 5000)
    link.received(0, 6000)
    expect(link.bytesPerSecond! / mebibyte).toBeCloseTo(10)
  })

  it('keeps little of replies that the peer never says it has got, and believes none that were not sent', () => {
    const link = new LinkRate()
    for (let i = 0; i < 10_000; i++) link.sent(mebibyte, false, i)
    link.received(10 ** 9, 10_000)
    expect(link.bytesPerSecond! / mebibyte).toBeLessThan(1000)
    expect(link.provedAt).toBe(null)
  })
})

interface Sending {
  readonly replies: number
  readonly msEach: number
  /** How many are on their way while the peer gets the first of them. */
  readonly ahead: number
  readonly at?: number
  readonly isHeldUp?: boolean
}

/** Replies of a mebibyte that a link carries one after the other, on a stream of their own. */
function send(link: LinkRate, { replies, msEach, ahead, at = 0, isHeldUp = false }: Sending): void {
  link.begin()
  for (let i = 0; i < ahead; i++) link.sent(mebibyte, isHeldUp, at)
  for (let i = 1; i <= replies; i++) {
    link.received(i, at + i * msEach)
    link.sent(mebibyte, isHeldUp, at + i * msEach)
  }
}
