import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('a file that is staged', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  it('is not put in place before its bytes are durable', async () => {
    let refused = 0
    b.disk.onCall = (operation, path) => {
      if (operation !== 'sync' || !path.includes('/staging/')) return
      refused++
      throw new DiskError('EIO', path)
    }
    a.write('doc', 'text')
    await world.clock.pass(5000)
    expect(refused).toBeGreaterThan(0)
    expect(b.tree().has('doc')).toBe(false)
    b.disk.onCall = () => undefined
    expect((await world.rest()).get('doc')).toBe('file text')
  })

  it('is not put in place while its sender cannot read the middle of it', async () => {
    await b.stop()
    const text = Array.from({ length: 100_000 }, (_, i) => (i * i) % 100_003).join(' ')
    a.write('doc', text)
    await world.settle(a)
    await world.clock.pass(1000)
    a.isDeaf = true
    const path = '/home/folder/doc'
    const spoil = (byte: number): void => {
      a.disk.quietly(() => {
        const handle = a.disk.openWrite(path)
        a.disk.write(handle, Uint8Array.of(byte), 300_000)
        a.disk.close(handle)
      })
    }
    spoil(0)
    await b.start()
    await world.clock.pass(10_000)
    expect(b.tree().has('doc')).toBe(false)
    spoil(text.charCodeAt(300_000))
    expect((await world.rest()).get('doc')).toBe(`file ${text}`)
  })
})
