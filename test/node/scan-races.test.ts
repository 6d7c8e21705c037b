import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DiskError } from '../../src/disk/disk-error.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { ReplicaWorld, type DeviceOptions, type WorldDevice } from './replica-world.ts'

const root = '/home/folder'
const markerCall = `lstat ${root}/.p2psync`
const paths = ['a', 'd', 'd/b'] as RelativePath[]

describe('a folder whose disk is not what it was', () => {
  let world: ReplicaWorld
  let device: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    device = await world.add('alpha')
    // A time that no two files share.
    await world.clock.pass(1234)
    device.write('a', 'text')
    device.write('d/b', 'text')
    await world.settle(device)
    await world.clock.pass(1000)
    device.isDeaf = true
  })

  afterEach(() => world.stop())

  /** What an unmount leaves: the empty folder below it, without a marker. */
  function unmountBefore(isIt: (operation: string, path: string) => boolean): void {
    let isMounted = true
    device.disk.onCall = (operation, path) => {
      if (!isMounted || !isIt(operation, path)) return
      isMounted = false
      device.disk.quietly(() => {
        device.disk.rename(root, '/home/elsewhere')
        device.disk.makeFolder(root)
      })
    }
  }

  async function kinds(): Promise<(string | undefined)[]> {
    const rows = await device.replica.index.getMany(paths)
    return rows.map((row) => row?.record.kind)
  }

  it.each([
    ['right before it is listed', 'readFolder', root],
    ['right before a file is looked at', 'lstat', `${root}/a`],
    ['right before a folder is listed', 'readFolder', `${root}/d`],
  ])('publishes nothing as deleted when it goes away %s', async (_, operation, at) => {
    unmountBefore((called, path) => called === operation && path === at)
    device.overflow()
    await world.clock.pass(1000)
    expect(device.disk.tree(root).size).toBe(0)
    expect(await kinds()).toEqual(['file', 'folder', 'file'])
    expect(device.replica.view.status().state).toBe('stopped')
  })

  it('publishes nothing as deleted that was gone and is back, when it goes away right before that is looked at', async () => {
    device.disk.quietly(() => device.disk.unlink(`${root}/d/b`))
    unmountBefore((called, path) => {
      if (called !== 'lstat' || path !== `${root}/d/b`) return false
      device.disk.writeFile(path, 'text')
      return true
    })
    device.overflow()
    await world.clock.pass(1000)
    expect(device.disk.tree(root).size).toBe(0)
    expect(await kinds()).toEqual(['file', 'folder', 'file'])
  })

  it('is asked again where it could not say once whether a file is gone', async () => {
    let hasFailed = false
    device.disk.quietly(() => device.disk.unlink(`${root}/d/b`))
    device.disk.onCall = (operation, path) => {
      if (operation !== 'lstat' || path !== `${root}/d/b` || hasFailed) return
      hasFailed = true
      throw new DiskError('EMFILE', path)
    }
    device.overflow()
    await world.clock.pass(120_000)
    expect([hasFailed, ...(await kinds())]).toEqual([true, 'file', 'folder', 'tombstone'])
  })

  it('publishes nothing when another one of the same folder takes its place', async () => {
    const marker = device.disk.tree(root).get('.p2psync/folder.json')?.content ?? ''
    const { folder } = JSON.parse(marker) as { folder: string }
    device.disk.rename(root, '/home/elsewhere')
    const text = JSON.stringify({ folder, nonce: '0123456789abcdef'.repeat(2) })
    device.disk.writeFile(`${root}/.p2psync/folder.json`, text)
    device.overflow()
    await world.clock.pass(1000)
    expect(await kinds()).toEqual(['file', 'folder', 'file'])
    expect(device.replica.view.status().state).toBe('stopped')
  })

  it('does not publish a file as deleted that is back by then', async () => {
    device.remove('a')
    device.disk.onCall = (called, path) => {
      if (called === 'lstat' && path === `${root}/a`) {
        device.disk.quietly(() => device.disk.writeFile(path, 'text'))
      }
    }
    device.overflow()
    await world.clock.pass(1000)
    expect(await kinds()).toEqual(['file', 'folder', 'file'])
  })

  it('does not publish a file as moved whose old place is taken again by then', async () => {
    device.disk.rename(`${root}/a`, `${root}/new`)
    device.disk.onCall = (called, path) => {
      if (called === 'lstat' && path === `${root}/a`) {
        device.disk.quietly(() => device.disk.writeFile(path, 'another'))
      }
    }
    device.overflow()
    await world.clock.pass(1000)
    expect(await kinds()).toEqual(['file', 'folder', 'file'])
  })
})

describe('a folder that is away for a moment', () => {
  let world: ReplicaWorld
  let device: WorldDevice
  /** How often its marker was looked for while it was watched. */
  let checks: number

  beforeEach(() => {
    world = new ReplicaWorld()
    checks = 0
  })

  afterEach(() => world.stop())

  async function begin(options: DeviceOptions = {}): Promise<void> {
    device = await world.add('alpha', options)
    for (let i = 0; i < 40; i++) device.write(`d/${i}`, 'text')
    await world.settle(device)
    await world.clock.pass(1000)
    device.isDeaf = true
  }

  /** It goes when `goes` says so of a call, and is back when `returns` does, before the call is made. */
  function beAway(goes: (call: string) => boolean, returns: (call: string) => boolean): void {
    let state: 'there' | 'away' | 'back' = 'there'
    device.disk.onCall = (operation, path) => {
      const call = `${operation} ${path}`
      if (call === markerCall) checks++
      if (state === 'there' && goes(call)) {
        state = 'away'
        device.disk.quietly(() => {
          device.disk.rename(root, '/home/elsewhere')
          device.disk.makeFolder(root)
        })
      } else if (state === 'away' && returns(call)) {
        state = 'back'
        device.disk.quietly(() => {
          device.disk.removeFolder(root)
          device.disk.rename('/home/elsewhere', root)
        })
      }
    }
    device.overflow()
  }

  it.each([
    ['entry by entry', { guardLimits: null, removedRowsMin: 1000 }, 1],
    ['as one', { guardLimits: null, removedRowsMin: 1 }, 1],
    ['entry by entry, under guard', { removedRowsMin: 1000 }, 2],
    ['as one, under guard', { removedRowsMin: 1 }, 2],
  ])('has lost nothing %s', async (_, options, backBefore) => {
    await begin(options)
    const { seq } = device.replica.index
    beAway(
      (call) => call === `readFolder ${root}`,
      (call) => call === markerCall && checks === backBefore,
    )
    await world.clock.pass(10_000)
    expect([device.replica.index.seq, device.tree().size]).toEqual([seq, 41])
  })

  it('does not go round the guard', async () => {
    await begin()
    device.remove('d')
    beAway(
      (call) => call === markerCall,
      (call) => call === markerCall && checks === 2,
    )
    await world.clock.pass(10_000)
    expect(device.replica.view.status().held.map(({ files }) => files)).toEqual([40])
    expect(device.replica.index.summary.files).toBe(40)
  })
})
