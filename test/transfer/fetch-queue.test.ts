import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DeviceId } from '../../src/model/device-id.ts'
import { FetchQueue, type FetchRun } from '../../src/transfer/fetch-queue.ts'

const [ann, bob, eve] = ['ann', 'bob', 'eve'] as unknown as [DeviceId, DeviceId, DeviceId]

interface File {
  readonly name: string
  readonly sources: Set<DeviceId>
}

interface Block {
  readonly name: string
  readonly length: number
}

function file(name: string, ...sources: DeviceId[]): File {
  return { name, sources: new Set(sources) }
}

function blocks(name: string, count: number, length = 100): Block[] {
  return Array.from({ length: count }, (_, i) => ({ name: `${name}${i}`, length }))
}

const namesOf = (runs: readonly FetchRun<File, Block>[]) => runs.flatMap((run) => run.blocks.map((block) => block.name))
const limit = { bytes: 250, blocks: 10 }

describe('a fetch queue', () => {
  it('gives out blocks in order, in portions of bounded bytes and count, over the ends of files', () => {
    const queue = new FetchQueue<File, Block>()
    queue.add(file('a', ann), blocks('a', 3))
    queue.add(file('b', ann), blocks('b', 2))
    expect(namesOf(queue.take(ann, [], limit))).toEqual(['a0', 'a1'])
    expect(namesOf(queue.take(ann, [], limit))).toEqual(['a2', 'b0'])
    expect(namesOf(queue.take(ann, [], { bytes: 1000, blocks: 1 }))).toEqual(['b1'])
    expect(queue.take(ann, [], limit)).toEqual([])
    expect(queue.takeOrphans([])).toEqual([])
  })

  it('gives out a block that is larger than a portion alone', () => {
    const queue = new FetchQueue<File, Block>()
    queue.add(file('a', ann), [...blocks('large', 1, 1000), ...blocks('small', 1)])
    expect(namesOf(queue.take(ann, [], limit))).toEqual(['large0'])
    expect(namesOf(queue.take(ann, [], limit))).toEqual(['small0'])
  })

  it('asks a peer first for what nobody else has', () => {
    const queue = new FetchQueue<File, Block>()
    queue.add(file('a', ann, bob), blocks('common', 2))
    queue.add(file('b', ann), blocks('rare', 2))
    expect(namesOf(queue.take(ann, [bob], limit))).toEqual(['rare0', 'rare1'])
    expect(namesOf(queue.take(bob, [ann], limit))).toEqual(['common0', 'common1'])
    expect(queue.take(eve, [ann, bob], limit)).toEqual([])
  })

  it('does not ask the same peer twice for the same, and says what nobody can be asked for', () => {
    const queue = new FetchQueue<File, Block>()
    queue.add(file('a', ann, bob), blocks('a', 1))
    const [run] = queue.take(ann, [bob], limit)
    queue.giveBack([{ ...run!, tried: new Set([ann]) }])
    expect(queue.take(ann, [bob], limit)).toEqual([])
    expect(queue.takeOrphans([ann, bob])).toEqual([])
    expect(namesOf(queue.takeOrphans([ann]))).toEqual(['a0'])
    expect(queue.takeOrphans([])).toEqual([])
  })

  it('learns of a device that has a file only later', () => {
    const queue = new FetchQueue<File, Block>()
    const late = file('a', ann)
    queue.add(late, blocks('a', 1))
    expect(queue.take(bob, [], limit)).toEqual([])
    late.sources.add(bob)
    expect(namesOf(queue.take(bob, [], limit))).toEqual(['a0'])
  })

  it('gives out every block exactly once to somebody who has it, whatever is given back', () => {
    const peers = [ann, bob, eve]
    const files = fc.array(
      fc.record({ count: fc.integer({ min: 1, max: 9 }), holders: fc.subarray(peers, { minLength: 1 }) }),
      { minLength: 1, maxLength: 8 },
    )
    const turns = fc.array(fc.record({ peer: fc.constantFrom(...peers), fails: fc.boolean() }), { maxLength: 60 })
    fc.assert(
      fc.property(files, turns, (given, steps) => {
        const queue = new FetchQueue<File, Block>()
        const expected = new Set<string>()
        for (const [i, { count, holders }] of given.entries()) {
          const some = blocks(`${i}-`, count)
          queue.add(file(String(i), ...holders), some)
          for (const { name } of some) expected.add(name)
        }
        const got: string[] = []
        const accept = (runs: readonly FetchRun<File, Block>[], peer: DeviceId) => {
          for (const run of runs) expect(run.target.sources.has(peer) && !run.tried.has(peer)).toBe(true)
          got.push(...namesOf(runs))
        }
        for (const { peer, fails } of steps) {
          const runs = queue.take(
            peer,
            peers.filter((other) => other !== peer),
            limit,
          )
          if (fails) queue.giveBack(runs.map((run) => ({ ...run, tried: new Set([...run.tried, peer]) })))
          else accept(runs, peer)
        }
        for (const peer of peers)
          for (let runs = queue.take(peer, [], limit); runs.length > 0; runs = queue.take(peer, [], limit))
            accept(runs, peer)
        got.push(...namesOf(queue.takeOrphans(peers)))
        expect(queue.takeOrphans([])).toEqual([])
        expect(got.length).toBe(expected.size)
        expect(new Set(got)).toEqual(expected)
      }),
    )
  })
})
