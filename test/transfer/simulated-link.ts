import type { PackOrder } from '../../src/ports/packing.ts'
import type { PackDecision } from '../../src/transfer/compression.ts'

export const mebibyte = 1024 * 1024

/** A sender, a link and a receiver who asks for one reply more with each that it gets. Rates are bytes a second. */
export interface SimulatedLink {
  /** Of the wire. */
  readonly rate: number
  readonly roundTripMs: number
  readonly limit?: number | null
  readonly packRate: number
  /** What packing leaves of a byte, for each reply. */
  readonly share: (reply: number) => number
  readonly content?: (reply: number) => string
  /** Without: nothing is ever packed. */
  readonly decision: PackDecision | null
  readonly replies: number
  readonly startsAtMs?: number
}

export interface Transfer {
  readonly endedAtMs: number
  readonly orders: readonly (PackOrder | null)[]
}

const replyBytes = mebibyte
const sampleBytes = 64 * 1024
const repliesUnderway = 6
const readMs = 1

/** Sends replies one after the other and tells the decision what a server would. */
export function simulateTransfer(link: SimulatedLink): Transfer {
  const { decision } = link
  const orders: (PackOrder | null)[] = []
  const agenda = new Agenda()
  const { startsAtMs = 0 } = link
  let workerFreeAt = 0
  let linkFreeAt = 0
  decision?.beginStream()

  const onRequest = (reply: number, nowMs: number): void => {
    const content = link.content?.(reply) ?? 'file'
    const limit = link.limit ?? null
    if (reply >= repliesUnderway) decision?.received(reply - repliesUnderway + 1, nowMs)
    const order = decision?.next({ content, limit, nowMs }) ?? null
    orders.push(order)
    const { workMs, wireBytes, trial } = pack(order, link, link.share(reply))
    workerFreeAt = Math.max(workerFreeAt, nowMs) + workMs
    agenda.add(workerFreeAt, (readyAt) => {
      if (trial !== null) decision?.tried(content, trial, readyAt)
      const startsAt = Math.max(readyAt, linkFreeAt)
      decision?.sent(wireBytes, wireBytes < replyBytes, limit === null ? readyAt : startsAt)
      const rate = Math.min(link.rate, limit ?? Infinity)
      linkFreeAt = startsAt + (wireBytes * 1000) / rate
      const next = reply + repliesUnderway
      if (next < link.replies) agenda.add(linkFreeAt + link.roundTripMs, (at) => onRequest(next, at))
    })
  }
  for (let reply = 0; reply < Math.min(repliesUnderway, link.replies); reply++) {
    agenda.add(startsAtMs, (at) => onRequest(reply, at))
  }
  agenda.run()
  return { endedAtMs: linkFreeAt, orders }
}

/** What a file worker would do. */
function pack(order: PackOrder | null, { packRate }: SimulatedLink, share: number) {
  if (order === null) return { workMs: readMs, wireBytes: replyBytes, trial: null }
  const sampleMs = (sampleBytes * 1000) / packRate
  if (share > 0.875) {
    const sample = { extent: 'sample', level: 1, rawBytes: sampleBytes, packedBytes: sampleBytes * share } as const
    return { workMs: readMs + sampleMs, wireBytes: replyBytes, trial: { ...sample, elapsedMs: sampleMs } }
  }
  const elapsedMs = (replyBytes * 1000) / (packRate * { 1: 1, 2: 0.8, 3: 0.65 }[order.level])
  const packedBytes = replyBytes * share
  const trial = { extent: 'all', level: order.level, rawBytes: replyBytes, packedBytes, elapsedMs } as const
  return { workMs: readMs + sampleMs + elapsedMs, wireBytes: packedBytes, trial }
}

/** What is to happen, in the order of its times; what is added first comes first. */
class Agenda {
  readonly #events: { readonly atMs: number; readonly act: (nowMs: number) => void }[] = []

  add(atMs: number, act: (nowMs: number) => void): void {
    const behind = this.#events.findIndex((event) => event.atMs > atMs)
    this.#events.splice(behind < 0 ? this.#events.length : behind, 0, { atMs, act })
  }

  run(): void {
    for (let event = this.#events.shift(); event !== undefined; event = this.#events.shift()) event.act(event.atMs)
  }
}
