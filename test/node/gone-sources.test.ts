import { expect, it } from 'vitest'
import { ReplicaWorld } from './replica-world.ts'

const dayMs = 24 * 60 * 60_000

it('what a device told that went while it was noted is not waited for', async () => {
  const world = new ReplicaWorld()
  const a = await world.add('alpha')
  const b = await world.add('beta', { clockOffMs: -10 * dayMs })
  world.network.partition(a.id, b.id)
  b.write('old', 'removed ten days ago')
  await world.clock.pass(5000)
  b.remove('old')
  await world.clock.pass(5000)
  b.write('new', 'told after that')
  await world.clock.pass(5000)
  const { forgetNotes } = a.replica.index
  const setNote = forgetNotes.setNote.bind(forgetNotes)
  let told = 0
  forgetNotes.setNote = async (note) => {
    if (note.heldDay > 0 && told++ === 0) world.network.partition(a.id, b.id)
    // The disk takes its time.
    await world.clock.view().sleep(10, AbortSignal.any([]))
    await setNote(note)
  }
  world.network.heal(a.id, b.id)
  await world.clock.pass(60_000)
  const { needed, problems } = a.replica.view.status()
  expect([told, needed.files, problems]).toEqual([1, 0, []])
  world.network.heal(a.id, b.id)
  expect(await world.rest()).toEqual(new Map([['new', 'file told after that']]))
  await world.stop()
})
