import { expect, it } from 'vitest'
import { ReplicaWorld } from './replica-world.ts'

/** Btrfs, ZFS and tmpfs keep any time; what unpacks archives has set these. */
const times = [2n ** 63n - 1n, -(2n ** 60n), 2n ** 53n + 1n, 99_999_999_999_999n, -99_999_999_999_999n]

it.each(times)('a file of %s seconds is synced, and holds up no other, whoever finds it', async (seconds) => {
  const world = new ReplicaWorld()
  const alpha = await world.add('alpha')
  await world.add('beta')
  await world.rest()
  for (const name of ['hinted', 'scanned']) {
    alpha.isDeaf = true
    alpha.disk.writeFile(`/home/folder/${name}`, 'odd', { mtimeNs: seconds * 1_000_000_000n })
    alpha.write(`${name}-too`, 'plain')
    alpha.isDeaf = false
    if (name === 'hinted') alpha.hint(name, `${name}-too`)
    else alpha.overflow()
    await world.clock.pass(1000)
  }
  expect([...(await world.rest()).keys()]).toEqual(['hinted', 'hinted-too', 'scanned', 'scanned-too'])
  await world.stop()
})
