import { describe, expect, it } from 'vitest'
import type { DeviceId } from '../../src/model/device-id.ts'
import { noOrder, type FolderOrder } from '../../src/model/folder-order.ts'
import type { Need } from '../../src/node/need.ts'
import { jobBytesMax, jobNeedsMax, Needs } from '../../src/node/needs.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { fileRecord, tombstone, writerOf } from './sample-record.ts'

const alpha = `12D3Koo${'1'.repeat(45)}` as DeviceId
const beta = `12D3Koo${'2'.repeat(45)}` as DeviceId
const plain = { bytes: 1, replaces: '' } as const
const removals = { removals: true }

describe('needs', () => {
  it('hands each need out once until it is put back', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    const [need] = needs.takeJob(0, removals)
    expect(needs.takeJob(0, removals)).toEqual([])
    needs.requeue(need!, 100, '')
    expect(needs.takeJob(99, removals)).toEqual([])
    expect(needs.nextRetryAt(0)).toBe(100)
    expect(needs.takeJob(100, removals)).toEqual([need])
  })

  it('tells what is left of a job, without what another one has taken up since', () => {
    const needs = newNeeds()
    for (const path of ['a', 'b', 'c']) needs.add(fileRecord(path, path), alpha, plain)
    const job = needs.takeJob(0, removals)
    const [a, b, c] = job as [Need, Need, Need]
    needs.remove(a)
    needs.requeue(b, 0, '')
    const another = needs.takeJob(0, removals)
    expect(another).toEqual([b])
    expect([needs.jobs.leftOf(job), needs.jobs.leftOf(another)]).toEqual([[c], [b]])
  })

  it('does not let a removal wait for what a second need of the same path wants', () => {
    const needs = newNeeds()
    const wanted = fileRecord('a', 'x')
    needs.add(tombstone('a'), alpha, { bytes: 0, replaces: wanted.content })
    needs.add(wanted, beta, { bytes: 0, replaces: '' })
    const kinds = [1, 2].map(() => {
      const [need] = needs.takeJob(0, removals)
      if (need !== undefined) needs.remove(need)
      return need?.record.kind
    })
    expect(new Set(kinds)).toEqual(new Set(['file', 'tombstone']))
  })

  it('does not let a removal wait for a file that is to stand where its folder is', () => {
    const needs = newNeeds()
    const wanted = fileRecord('d', 'x')
    needs.add(wanted, alpha, plain)
    needs.add(tombstone('d/a'), alpha, { bytes: 0, replaces: wanted.content })
    const taken = needs.takeJob(0, removals).map((need) => need.record.path)
    expect(new Set(taken)).toEqual(new Set(['d', 'd/a']))
  })

  it('counts devices that tell the same record as sources of one need', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    needs.add(fileRecord('a', 'x'), beta, plain)
    expect(needs.size).toBe(1)
    needs.dropSource(alpha)
    expect([needs.hasSource(alpha), needs.hasSource(beta)]).toEqual([false, true])
    needs.dropSource(beta)
    expect(needs.size).toBe(0)
  })

  it('keeps records of one version apart whose fields differ', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    needs.add(fileRecord('a', 'y'), beta, plain)
    expect(needs.size).toBe(2)
  })

  it('forgets what a device held before its newer record', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    needs.add(fileRecord('a', 'y', { counter: 2 }), alpha, plain)
    expect(Array.from(needs.all(), (need) => need.record.version[0]![1])).toEqual([2])
  })

  it('ignores an older record from a device that has told a newer one', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'y', { counter: 2 }), alpha, plain)
    needs.add(fileRecord('a', 'x'), alpha, plain)
    expect(Array.from(needs.all(), (need) => need.record.version[0]![1])).toEqual([2])
  })

  it('takes a device off its old version when it joins the sources of another', () => {
    const needs = newNeeds()
    const other = fileRecord('a', 'y', { version: [[writerOf(2), 1]] })
    needs.add(other, beta, plain)
    needs.add(fileRecord('a', 'x'), alpha, plain)
    needs.add(other, alpha, plain)
    expect(Array.from(needs.all(), (need) => [...need.sources])).toEqual([[beta, alpha]])
  })

  it('says that what is worked on has lost a source', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    expect(needs.add(fileRecord('a', 'y', { counter: 2 }), alpha, plain)).toBe(false)
    const [need] = needs.takeJob(0, { removals: true })
    expect(needs.add(fileRecord('a', 'y', { counter: 2 }), beta, plain)).toBe(false)
    expect(needs.add(fileRecord('a', 'z', { counter: 3 }), alpha, plain)).toBe(true)
    expect([...need!.sources]).toEqual([beta])
  })

  it('lets a version that fails not stand before others of its path', () => {
    const needs = newNeeds()
    needs.add(fileRecord('a', 'x'), alpha, plain)
    needs.add(fileRecord('a', 'y', { version: [[writerOf(2), 1]] }), beta, plain)
    const [first] = needs.takeJob(0, removals)
    needs.requeue(first!, 1000, 'missing')
    expect(needs.takeJob(0, removals)[0]?.sources).toEqual(new Set([beta]))
  })

  it('gives out a removal together with the file that is to hold its bytes', () => {
    const needs = newNeeds()
    const moved = fileRecord('new', 'x')
    needs.add(tombstone('old'), alpha, { bytes: 0, replaces: moved.content })
    needs.add(moved, alpha, plain)
    expect(paths(needs.takeJob(0, { removals: false }))).toEqual(['new', 'old'])
  })

  it('holds a removal back while its bytes are wanted elsewhere and could not be moved there', () => {
    const needs = newNeeds()
    const moved = fileRecord('new', 'x')
    needs.add(tombstone('old'), alpha, { bytes: 0, replaces: moved.content })
    needs.add(moved, alpha, plain)
    for (const need of needs.takeJob(0, removals)) needs.requeue(need, 0, '')
    const [need, ...others] = needs.takeJob(0, removals)
    expect([need!.record.path, others]).toEqual(['new', []])
    needs.remove(need!)
    expect(paths(needs.takeJob(0, removals))).toEqual(['old'])
  })

  it('does not hold a removal back for a need that cannot be met', () => {
    const needs = newNeeds()
    const moved = fileRecord('new', 'x')
    needs.add(moved, alpha, plain)
    needs.requeue(needs.takeJob(0, removals)[0]!, 1000, 'the name is too long')
    needs.add(tombstone('old'), alpha, { bytes: 0, replaces: moved.content })
    expect(paths(needs.takeJob(0, removals))).toEqual(['old'])
    for (const need of needs.all()) needs.remove(need)
    expect([needs.size, needs.held, needs.files, needs.bytes]).toEqual([0, 0, 0, 0])
  })

  it('keeps removals for the end of what a peer is telling', () => {
    const needs = newNeeds()
    needs.add(tombstone('old'), alpha, plain)
    needs.add(fileRecord('new', 'x'), alpha, plain)
    expect(paths(needs.takeJob(0, { removals: false }))).toEqual(['new'])
  })

  it('makes jobs of bounded bytes and count, and a large file a job of its own', () => {
    const needs = newNeeds()
    needs.add(fileRecord('large', 'x'), alpha, { bytes: 2 * jobBytesMax, replaces: '' })
    for (let i = 0; i < jobNeedsMax + 1; i++) needs.add(fileRecord(`f${i}`, 'x'), alpha, plain)
    expect(
      [needs.takeJob(0, removals), needs.takeJob(0, removals), needs.takeJob(0, removals)].map((job) => job.length),
    ).toEqual([jobNeedsMax, 1, 1])
  })

  it('is full at a number of needs, of which those that are held do not count', () => {
    const needs = newNeeds()
    for (let i = 0; i < 20_000; i++) needs.add(fileRecord(`f${i}`, 'x'), alpha, plain)
    expect(needs.isFull).toBe(true)
    needs.requeue(needs.takeJob(0, removals)[0]!, 1, 'missing')
    expect(needs.isFull).toBe(false)
  })

  it('is full at a number of bytes that records take up', () => {
    const needs = newNeeds()
    const version = Array.from({ length: 250 }, (_, i) => [writerOf(i), 1] as const)
    let count = 0
    while (!needs.isFull && count < 20_000) needs.add(fileRecord(`f${count++}`, 'x', { version }), alpha, plain)
    expect(count).toBeLessThan(10_000)
  })
})

function newNeeds(order: FolderOrder = noOrder): Needs {
  return new Needs({ clock: new ManualClock(), order })
}

function paths(job: readonly Need[]): string[] {
  return job.map((need) => need.record.path)
}
