import { expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import type { FolderState } from '../../src/node/node-api.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const plenty = 2 ** 40
const says = { state: 'stopped' satisfies FolderState, reason: 'the disk is full' }
const helps = expect.stringContaining('.p2psync/history') as string

it('is told with what to do, until there is room', async () => {
  const world = new ReplicaWorld()
  const a = await world.add('a')
  const b = await world.add('b')
  b.disk.capacityBytes = 0
  a.write('x', 'text')
  await untilStopped(world, b)
  expect(b.replica.view.status()).toMatchObject({ ...says, hint: helps })
  b.disk.capacityBytes = plenty
  expect((await world.rest()).get('x')).toBe('file text')
})

it('is told in the same words where the index is the first to find it out', async () => {
  const world = new ReplicaWorld()
  const a = await world.add('a')
  let isFull = false
  const newStore = (): ReturnType<typeof memoryStore> => {
    const store = memoryStore()
    const batch = store.batch.bind(store)
    store.batch = async (...args) => {
      if (isFull) throw new P2psyncError('index-failed', 'IO error: /home/index/000152.log: No space left on device')
      await batch(...args)
    }
    return store
  }
  const b = await world.add('b', { newStore })
  await world.rest()
  isFull = true
  b.write('mine', 'new')
  a.write('x', 'text')
  await untilStopped(world, b)
  expect(b.replica.view.status()).toMatchObject({ ...says, hint: helps })
  isFull = false
  expect((await world.rest()).get('x')).toBe('file text')
})

async function untilStopped(world: ReplicaWorld, device: WorldDevice): Promise<void> {
  await world.clock.run(() => device.replica.view.status().state === 'stopped', 120_000)
}
