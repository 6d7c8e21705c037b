import { expect, it } from 'vitest'
import { ReplicaWorld } from './replica-world.ts'

const composed = 'd/caf\u00e9'
const decomposed = 'd/cafe\u0301'

it.each([
  ['is removed here', 0, false],
  ['is removed by a peer', 1, false],
  ['moves', 0, true],
])('a file whose name in NFC was taken is synced once the other one %s', async (_, device, moves) => {
  const world = new ReplicaWorld()
  const alpha = await world.add('alpha')
  await world.add('beta')
  await world.clock.pass(1230)
  alpha.write(composed, 'one')
  await world.rest()
  alpha.write(decomposed, 'two')
  await world.clock.pass(5000)
  expect(alpha.replica.view.status().problemCount).toBe(1)
  if (moves) alpha.rename(composed, 'elsewhere')
  else world.devices[device]!.remove(composed)
  await world.clock.pass(5000)
  const others = moves ? [['elsewhere', 'file one']] : []
  expect([...(await world.rest())]).toEqual([['d', 'folder '], [composed, 'file two'], ...others])
  expect(alpha.replica.view.status().problemCount).toBe(0)
  await world.stop()
})
