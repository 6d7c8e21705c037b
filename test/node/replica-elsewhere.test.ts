import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const KiB = 1024
const MiB = 1024 * KiB
const largeBytes = 4 * MiB
const smallCount = 60

function noise(seed: number, bytes = largeBytes): Uint8Array {
  return new SeededRandom(seed).bytes(bytes)
}

const large = noise(1)
const small = Array.from({ length: smallCount }, (_, i) => noise(i + 10, 9000))

/** Two devices share a folder; one of them has another folder as well. */
describe('a device with two folders', () => {
  let world: ReplicaWorld
  /** The folder that only this device has. */
  let home: WorldDevice
  let sender: WorldDevice
  let receiver: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    const folder = parseFolderId('cd'.repeat(32))
    home = await world.add('home')
    sender = await world.add('sender', { folder, draftBytesMin: MiB })
    receiver = await world.add('receiver', { folder, otherFolders: () => (home.isRunning ? [home] : []) })
    write(home, 'kept')
    await world.settle(home)
    await world.rest([sender, receiver])
  })

  afterEach(() => world.stop())

  function write(device: WorldDevice, folder: string): void {
    device.disk.writeFile(`/home/folder/${folder}/large`, large)
    for (const [i, bytes] of small.entries()) device.disk.writeFile(`/home/folder/${folder}/${i}`, bytes)
    device.overflow()
  }

  async function bytesSentUntilRest(): Promise<number> {
    const { bytesSent } = world.network
    await world.rest([sender, receiver])
    return world.network.bytesSent - bytesSent
  }

  function expectAll(): void {
    const contents = (device: WorldDevice, folder: string): string[] =>
      Array.from(device.tree()).flatMap(([path, text]) => (path.startsWith(`${folder}/`) ? [text] : []))
    expect(contents(receiver, 'shared')).toHaveLength(smallCount + 1)
    expect(contents(receiver, 'shared')).toEqual(contents(sender, 'shared'))
    expect(receiver.staged().size).toBe(0)
  }

  it('takes from one what the other one receives: next to nothing travels', async () => {
    write(sender, 'shared')
    expect(await bytesSentUntilRest()).toBeLessThan(40 * KiB)
    expectAll()
  })

  it('is sent only what is in neither', async () => {
    write(sender, 'shared')
    const added = noise(2, 200 * KiB)
    sender.disk.writeFile('/home/folder/shared/large', Buffer.concat([added, large]))
    const bytes = await bytesSentUntilRest()
    expect(bytes).toBeGreaterThan(added.length)
    expect(bytes).toBeLessThan(added.length + 200 * KiB)
    expectAll()
  })

  it('is sent what has changed in the other one since it was looked at', async () => {
    home.disk.writeFile('/home/folder/kept/large', noise(3))
    write(sender, 'shared')
    const bytes = await bytesSentUntilRest()
    expect(bytes).toBeGreaterThan(largeBytes)
    expect(bytes).toBeLessThan(largeBytes + 100 * KiB)
    expectAll()
  })

  it('is sent everything when the other one is closed', async () => {
    await home.stop()
    write(sender, 'shared')
    expect(await bytesSentUntilRest()).toBeGreaterThan(largeBytes + smallCount * 9000)
    expectAll()
  })
})
