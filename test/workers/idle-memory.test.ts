import { describe, expect, it } from 'vitest'
import { IdleMemory } from '../../src/workers/idle-memory.ts'
import { SpareHeap, type Heap } from '../../src/workers/spare-heap.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const mebibyte = 1024 * 1024

/** A heap of which a collection leaves `usedBytes`. */
class FakeHeap implements Heap {
  size = 0
  usedBytes = 0
  collections = 0

  sizeBytes(): number {
    return this.size
  }

  collect(): void {
    this.collections++
    this.size = this.usedBytes
  }
}

describe('SpareHeap', () => {
  it('collects what work has left, and again only when it has grown by enough', () => {
    const heap = new FakeHeap()
    const spare = new SpareHeap(heap)
    heap.size = 100 * mebibyte
    heap.usedBytes = 20 * mebibyte
    spare.giveBack()
    expect([heap.collections, heap.size]).toEqual([1, 20 * mebibyte])
    heap.size += 4 * mebibyte - 1
    spare.giveBack()
    expect(heap.collections).toBe(1)
    heap.size += 1
    spare.giveBack()
    expect(heap.collections).toBe(2)
  })

  it('leaves a heap alone that is hardly in use', () => {
    const heap = new FakeHeap()
    heap.size = 4 * mebibyte - 1
    new SpareHeap(heap).giveBack()
    expect(heap.collections).toBe(0)
  })
})

describe('IdleMemory', () => {
  it('looks every five seconds, and leaves a busy heap alone', async () => {
    const clock = new ManualClock()
    const seen = { rests: 0, collections: 0 }
    let load = 0.5
    const memory = new IdleMemory({
      clock,
      pool: { rest: () => void seen.rests++ },
      heap: { giveBack: () => void seen.collections++ },
      load: () => load,
    })
    memory.start()
    await clock.advance(4999)
    expect(seen).toEqual({ rests: 0, collections: 0 })
    await clock.advance(1)
    expect(seen).toEqual({ rests: 1, collections: 0 })
    load = 0.01
    await clock.advance(5000)
    expect(seen).toEqual({ rests: 2, collections: 1 })
    await memory.stop()
    await clock.advance(60_000)
    expect(seen).toEqual({ rests: 2, collections: 1 })
  })

  it('can be stopped before it was started', async () => {
    const memory = new IdleMemory({ clock: new ManualClock(), pool: { rest: () => undefined } })
    expect(await memory.stop()).toBeUndefined()
  })
})
