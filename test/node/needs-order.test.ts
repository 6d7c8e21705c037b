import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId } from '../../src/model/device-id.ts'
import type { FileRecord } from '../../src/model/file-record.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { isBelow } from '../../src/model/relative-path.ts'
import type { Need } from '../../src/node/need.ts'
import { jobBytesMax, jobNeedsMax, Needs } from '../../src/node/needs.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { fileRecord, tombstone, writerOf } from './sample-record.ts'

const devices = [1, 2].map((n) => `12D3Koo${String(n).repeat(45)}` as DeviceId)
const [alpha] = devices
const now = new ManualClock().now()
const kib = 1024
const mib = 1024 * kib

describe('what is taken first', () => {
  it('is folders and removals, then small files, with a large one beside them', () => {
    const needs = newNeeds()
    add(needs, 'large', 100 * mib)
    add(needs, 'small', kib)
    needs.add(tombstone('gone'), alpha!, { bytes: 0, replaces: '' })
    needs.add({ ...fileRecord('folder', ''), kind: 'folder' }, alpha!, { bytes: 0, replaces: '' })
    expect([paths(take(needs)), paths(take(needs))]).toEqual([['folder', 'gone', 'small'], ['large']])
  })

  it('is what a person has just touched, without waiting for older files', () => {
    const needs = newNeeds()
    for (let i = 0; i < 50; i++) add(needs, `old${i}`, kib, 48)
    add(needs, 'new', mib)
    expect([paths(take(needs)), take(needs).length]).toEqual([['new'], 50])
  })

  it('takes files of a folder together', () => {
    const needs = newNeeds()
    for (const name of ['3', '1', '2']) for (const folder of ['b', 'a']) add(needs, `${folder}/${name}`, kib)
    expect(paths(take(needs))).toEqual(['a/1', 'a/2', 'a/3', 'b/1', 'b/2', 'b/3'])
  })

  it('follows the patterns, whatever the size', () => {
    const needs = newNeeds({ first: ['*.iso'], last: ['logs'] })
    add(needs, 'logs/a', kib)
    add(needs, 'b', kib)
    add(needs, 'c.iso', 100 * mib)
    expect([take(needs), take(needs), take(needs)].map(paths)).toEqual([['c.iso'], ['b'], ['logs/a']])
  })

  it('removes what a folder holds before the folder', () => {
    const needs = newNeeds()
    for (const path of ['d', 'd/a', 'd/e', 'd/e/f']) needs.add(tombstone(path), alpha!, { bytes: 0, replaces: '' })
    expect(paths(take(needs))).toEqual(['d/e/f', 'd/e', 'd/a', 'd'])
  })

  it('stays the same when much that waited has gone again', () => {
    const needs = newNeeds()
    for (let i = 0; i < 100; i++) add(needs, `kept${i}`, kib, i)
    for (let i = 0; i < 5000; i++) {
      needs.add(fileRecord('changing', `${i}`, { counter: i + 1 }), alpha!, { bytes: kib, replaces: '' })
    }
    const orders: number[] = []
    while (needs.size > 0) {
      const job = take(needs)
      expect(job).not.toEqual([])
      orders.push(...job.map((need) => need.place.order))
      settle(needs, job)
    }
    expect(orders).toEqual(orders.toSorted((a, b) => a - b))
    expect(orders.length).toBe(101)
  })

  it('never waits with something small for large files', () => {
    const needs = newNeeds()
    for (let i = 0; i < 5; i++) add(needs, `large${i}`, 100 * mib)
    expect([take(needs), take(needs), take(needs)].map((job) => job.length)).toEqual([1, 1, 0])
    add(needs, 'small', kib)
    expect(paths(take(needs))).toEqual(['small'])
  })

  it('never lets a large file wait for an end of the small ones', () => {
    const needs = newNeeds()
    add(needs, 'large', 100 * mib)
    const jobs: Need[][] = []
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < jobNeedsMax; j++) add(needs, `small${i}-${j}`, kib)
      jobs.push(take(needs))
      if (jobs.length > 2) settle(needs, jobs.shift()!)
      if (jobs.flat().some((need) => need.record.path === 'large')) return
    }
    expect.unreachable()
  })
})

describe('whatever is needed', () => {
  const anySize = fc.oneof(fc.nat(200 * kib), fc.nat(5 * mib), fc.nat(200 * mib))
  const anyFiles = fc.array(fc.record({ bytes: anySize, ageHours: fc.nat(1000), gone: fc.boolean() }), {
    maxLength: 300,
  })

  it('is taken once, in bounded jobs, when nothing fails', () => {
    fc.assert(
      fc.property(anyFiles, fc.integer({ min: 1, max: 3 }), (files, jobsMax) => {
        const needs = newNeeds({ first: ['*1'], last: ['*2'] })
        for (const [i, { bytes, ageHours, gone }] of files.entries()) {
          if (gone) needs.add(tombstone(`${i}`), alpha!, { bytes: 0, replaces: '' })
          else add(needs, `${i}`, bytes, ageHours)
        }
        const taken: string[] = []
        const running: Need[][] = []
        while (needs.size > 0) {
          const job = running.length < jobsMax ? take(needs) : []
          expect(job.length).toBeLessThanOrEqual(jobNeedsMax + 1)
          if (job.length > 1) expect(job.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(jobBytesMax)
          taken.push(...paths(job))
          if (job.length > 0) running.push(job)
          else settle(needs, running.shift()!)
        }
        expect(taken.toSorted()).toEqual(files.map((_, i) => `${i}`).toSorted())
      }),
    )
  })

  it('goes lane by lane in its order, when one job is done after the other', () => {
    fc.assert(
      fc.property(anyFiles, (files) => {
        const needs = newNeeds()
        for (const [i, { bytes, ageHours }] of files.entries()) add(needs, `${i}`, bytes, ageHours)
        const orders: Record<string, number[]> = { small: [], medium: [], large: [] }
        while (needs.size > 0) {
          const job = take(needs)
          expect(job).not.toEqual([])
          for (const { place } of job) orders[place.lane]!.push(place.order)
          settle(needs, job)
        }
        for (const found of Object.values(orders)) expect(found).toEqual(found.toSorted((a, b) => a - b))
      }),
    )
  })

  it('is found by the queue exactly when a look at every need finds it', () => {
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 60 }), (steps) => {
        const world = new World()
        for (const step of steps) world.run(step)
        world.finish()
      }),
      { numRuns: 2000 },
    )
  })
})

type Step =
  | {
      readonly type: 'add'
      readonly record: FileRecord
      readonly device: number
      readonly bytes: number
      readonly replaces: string
    }
  | { readonly type: 'take'; readonly removals: boolean }
  | { readonly type: 'settle' | 'fail' | 'hold'; readonly index: number; readonly delay: number }
  | { readonly type: 'drop'; readonly device: number }
  | { readonly type: 'wait'; readonly delay: number }

const anyPath = fc.constantFrom('a', 'a/b', 'a/b/c', 'd', 'e', 'f')
const anyText = fc.constantFrom('x', 'y')
const anyRecord = fc
  .record({
    path: anyPath,
    text: anyText,
    gone: fc.boolean(),
    counter: fc.integer({ min: 1, max: 4 }),
    writer: fc.integer({ min: 1, max: 2 }),
  })
  .map(({ path, text, gone, counter, writer }) => {
    const version = [[writerOf(writer), counter]] as const
    return gone ? tombstone(path, { version }) : fileRecord(path, text, { version })
  })
const index = fc.nat(5)
const delay = fc.constantFrom(0, 1, 5)
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      record: anyRecord,
      device: fc.nat(1),
      bytes: fc.constantFrom(0, 1, 2 * mib, 100 * mib),
      replaces: fc.constantFrom('', 'x', 'y'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('take' as const), removals: fc.boolean() }) },
  {
    weight: 3,
    arbitrary: fc.record({ type: fc.constantFrom('settle' as const, 'fail' as const, 'hold' as const), index, delay }),
  },
  fc.record({ type: fc.constant('drop' as const), device: fc.nat(1) }),
  fc.record({ type: fc.constant('wait' as const), delay }),
)

/** Needs, what is being worked on, and the same rules without a queue. */
class World {
  readonly #needs = newNeeds()
  readonly #active: Need[] = []
  #now = 10

  run(step: Step): void {
    const needs = this.#needs
    if (step.type === 'add') {
      const replaces = step.record.kind === 'tombstone' && step.replaces !== '' ? contentOf(step.replaces) : ''
      needs.add(step.record, devices[step.device]!, { bytes: step.bytes, replaces })
    } else if (step.type === 'take') this.#take(step.removals)
    else if (step.type === 'drop') needs.dropSource(devices[step.device]!)
    else if (step.type === 'wait') this.#now += step.delay
    else {
      const [need] = this.#active.splice(step.index, 1)
      if (need === undefined) return
      if (step.type === 'settle') needs.remove(need)
      else needs.requeue(need, step.delay === 0 ? 0 : this.#now + step.delay, step.type === 'hold' ? 'broken' : '')
    }
    expect(needs.nextRetryAt(this.#now)).toBe(this.#nextRetryAt())
  }

  /** Everything comes to its turn in the end. */
  finish(): void {
    for (let round = 0; this.#needs.size > 0; round++) {
      expect(round).toBeLessThan(1000)
      this.#now += 10
      if (this.#take(true) === 0) for (const need of this.#active.splice(0)) this.#needs.remove(need)
    }
  }

  #take(removals: boolean): number {
    const may = new Set(Array.from(this.#needs.all()).filter((need) => this.#mayTake(need, removals)))
    const idle = this.#active.length === 0
    const job = this.#needs.takeJob(this.#now, { removals })
    for (const need of job) {
      const isMove = need.record.kind === 'tombstone' && job.some((other) => other.record.content === need.replaces)
      expect(may.has(need) || isMove).toBe(true)
    }
    // A larger file may have to wait for a job of its size; what is small never has to.
    const mustTake = Array.from(may).some((need) => idle || need.bytes <= mib)
    if (mustTake) expect(job).not.toEqual([])
    this.#active.push(...job)
    const busy = this.#active.map((need) => need.record.path)
    expect(new Set(busy).size).toBe(busy.length)
    return job.length
  }

  #mayTake(need: Need, removals: boolean): boolean {
    const all = Array.from(this.#needs.all())
    const { path } = need.record
    if (all.some((other) => other.record.path === path && other.state === 'active')) return false
    if (need.retryAt > this.#now) return false
    if (need.record.kind !== 'tombstone') return true
    const isWanted = all.some(
      ({ record, reason }) =>
        record.content === need.replaces && reason === '' && record.path !== path && !isBelow(path, record.path),
    )
    return removals && (need.replaces === '' || !isWanted)
  }

  #nextRetryAt(): number | null {
    const times = Array.from(this.#needs.all(), ({ state, retryAt }) => (state === 'queued' ? retryAt : 0))
    const next = Math.min(...times.filter((time) => time > this.#now))
    return next === Infinity ? null : next
  }
}

function contentOf(text: string): Need['replaces'] {
  return fileRecord('any', text).content
}

function newNeeds(order = noOrder): Needs {
  return new Needs({ clock: new ManualClock(), order })
}

function add(needs: Needs, path: string, bytes: number, ageHours = 0): void {
  const mtimeNs = BigInt(now - ageHours * 3_600_000) * 1_000_000n
  needs.add(fileRecord(path, path, { mtimeNs }), alpha!, { bytes, replaces: '' })
}

function take(needs: Needs): Need[] {
  return needs.takeJob(1, { removals: true })
}

function settle(needs: Needs, job: readonly Need[]): void {
  for (const need of job) needs.remove(need)
}

function paths(job: readonly Need[]): string[] {
  return job.map((need) => need.record.path)
}
