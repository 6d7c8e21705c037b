import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { HeldSender } from './held-sender.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const KiB = 1024
const MiB = 1024 * KiB
const fileBytes = 3 * MiB

function lie(count: number, lengthBytes: number): Uint8Array {
  const blocks = Buffer.alloc(count * 36, 7)
  for (let i = 0; i < count; i++) blocks.writeUInt32BE(lengthBytes, i * 36 + 32)
  return blocks
}

function noise(seed: number, bytes = fileBytes): string {
  return Buffer.from(new SeededRandom(seed).bytes(bytes)).toString('hex').slice(0, bytes)
}

describe('a large file that is still being hashed', () => {
  let world: ReplicaWorld
  let sender: HeldSender
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    sender = new HeldSender()
    a = await world.add('alpha', { draftBytesMin: MiB, newTasks: sender.newTasks })
    b = await world.add('beta')
    await world.rest()
  })

  afterEach(async () => {
    sender.release()
    await world.stop()
  })

  const stagedBytes = () => Array.from(b.staged().values()).reduce((sum, bytes) => sum + bytes, 0)

  async function fetched(bytes: number): Promise<void> {
    if (!(await world.clock.run(() => stagedBytes() >= bytes, 20_000))) throw new Error(`${stagedBytes()} staged`)
    await world.clock.pass(100)
  }

  /** The peer has nearly all of the file that is told before its end. */
  async function draft(): Promise<void> {
    a.write('film', noise(1))
    await fetched(fileBytes - MiB)
  }

  async function expectTold(...names: string[]): Promise<void> {
    const tree = await world.rest()
    expect({ names: [...tree.keys()], staged: [...b.staged().keys()] }).toEqual({ names, staged: [] })
  }

  it('travels before its last bytes are hashed, and nothing twice', async () => {
    await draft()
    expect(b.tree().size).toBe(0)
    const early = sender.readBytes
    expect(early).toBeGreaterThan(fileBytes - MiB)
    sender.release()
    await expectTold('film')
    expect(b.tree().get('film')).toContain(noise(1))
    expect(sender.readBytes).toBe(fileBytes)
  })

  it('makes no record and no claim', async () => {
    const root = Buffer.from(b.replica.index.summary.hash)
    await draft()
    expect(Buffer.from(b.replica.index.summary.hash).equals(root)).toBe(true)
    expect(await b.replica.index.get('film' as RelativePath)).toBeNull()
    expect(b.replica.view.status().needed.files).toBe(0)
  })

  it('is not read again where this process wrote it', async () => {
    await draft()
    let reads = 0
    b.disk.onCall = (operation, path) => {
      if (operation === 'read' && path.includes('/staging/')) reads++
    }
    sender.release()
    await expectTold('film')
    b.disk.onCall = undefined
    expect(reads).toBeLessThan(20)
  })

  it('is told from its start to who comes later', async () => {
    world.network.partition(a.id, b.id)
    a.write('film', noise(1))
    await world.clock.pass(2000)
    expect(stagedBytes()).toBe(0)
    world.network.heal()
    await fetched(fileBytes - MiB)
    sender.release()
    await expectTold('film')
    expect(sender.readBytes).toBe(fileBytes)
  })

  it('is given up when it changes, and leaves nothing in staging', async () => {
    await draft()
    a.write('film', noise(2))
    sender.release()
    await expectTold('film')
    expect(b.tree().get('film')).toContain(noise(2))
  })

  it('is given up when it vanishes, and leaves nothing in staging', async () => {
    await draft()
    a.remove('film')
    sender.release()
    await world.rest()
    expect(await world.clock.run(() => b.staged().size === 0, 5000)).toBe(true)
    expect(b.tree().size).toBe(0)
  })

  it('goes on from what came of it when its device dies and comes back', async () => {
    await draft()
    a.killAfter(1)
    a.overflow()
    await world.clock.pass(2000)
    expect(b.staged().size).toBe(1)
    sender.release()
    await a.restart()
    await expectTold('film')
    expect(sender.readBytes).toBeLessThanOrEqual(fileBytes)
  })

  it('goes on from what came of it when the session ends for a while', async () => {
    await draft()
    world.network.partition(a.id, b.id)
    await world.clock.pass(1000)
    world.network.heal()
    await world.clock.pass(5000)
    expect(sender.readBytes).toBeLessThanOrEqual(fileBytes)
    sender.release()
    await expectTold('film')
    expect(sender.readBytes).toBeLessThanOrEqual(fileBytes)
  })

  it('goes on from what came of it when the receiver is killed', async () => {
    b.killAfter(40)
    a.write('film', noise(1))
    expect(await world.clock.run(() => b.isDead, 20_000)).toBe(true)
    await world.clock.pass(1000)
    const early = { staged: stagedBytes(), read: sender.readBytes }
    await b.restart()
    await world.clock.pass(5000)
    sender.release()
    await expectTold('film')
    expect(early.staged).toBeGreaterThan(0)
    expect(sender.readBytes - early.read).toBeLessThan(fileBytes - 512 * KiB)
  })

  it('and one that the receiver makes at the same path are both kept', async () => {
    await draft()
    b.write('film', 'another one')
    await world.clock.pass(2000)
    sender.release()
    const tree = await world.rest()
    expect([...tree.values()].sort((x, y) => x.length - y.length).map((what) => what.length)).toEqual([
      16,
      fileBytes + 5,
    ])
    expect([...b.staged().keys()]).toEqual([])
  })

  it('costs the receiver nothing when it has the blocks already', async () => {
    b.write('copy', noise(1))
    await world.rest()
    sender.readBytes = 0
    a.write('film', `${noise(1)} and more`)
    await world.clock.pass(2000)
    sender.release()
    await world.rest()
    expect(sender.readBytes).toBeLessThan(400 * KiB)
  })

  it.each([
    ['blocks that nobody has', () => lie(4, 64 * KiB)],
    ['blocks that are elsewhere in the file', (blocks: Uint8Array) => blocks.subarray(36)],
    ['more blocks than fit the file', () => lie(200, 4 * MiB)],
    ['blocks that are larger than any', () => lie(1, 5 * MiB)],
  ])('of which a peer tells %s comes all the same', async (_, alter) => {
    sender.alter = alter
    a.write('film', noise(1))
    await world.clock.pass(3000)
    expect(stagedBytes()).toBeLessThanOrEqual(fileBytes)
    expect(await b.replica.index.get('film' as RelativePath)).toBeNull()
    sender.release()
    await expectTold('film')
    expect(b.tree().get('film')).toContain(noise(1))
  })

  it('reaches a peer that does not know what a draft is', async () => {
    b.replica.drafts.take = () => undefined
    a.write('film', noise(1))
    await world.clock.pass(2000)
    expect(b.staged().size).toBe(0)
    sender.release()
    await expectTold('film')
  })

  it('is one of a few at once', async () => {
    for (let i = 0; i < 7; i++) a.write(`film ${i}`, noise(i + 1, 1.2 * MiB))
    await world.clock.pass(5000)
    expect(b.staged().size).toBeLessThanOrEqual(4)
    sender.release()
    const tree = await world.rest()
    expect(tree.size).toBe(7)
    expect(b.staged().size).toBe(0)
  })

  it('is not fetched to a disk that has no room for it', async () => {
    b.disk.freeBytes = () => fileBytes
    a.write('film', noise(1))
    await world.clock.pass(5000)
    expect(b.staged().size).toBe(0)
    sender.release()
    await expectTold('film')
  })
})
