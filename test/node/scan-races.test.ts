import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const root = '/home/folder'
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
