import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { sameDiskState, type DiskState } from '../../src/model/disk-state.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const root = '/home/folder'
const path = (text: string) => text as RelativePath
const contentOf = (text: string) => hashBlock(Buffer.from(text))

describe('what a scan makes of the disk', () => {
  let world: ReplicaWorld
  let device: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    device = await world.add('alpha')
    await world.clock.pass(1000)
    // Only scans find what changes.
    device.isDeaf = true
  })

  afterEach(() => world.stop())

  async function scan(): Promise<void> {
    device.overflow()
    await world.clock.pass(1000)
    await world.settle(device)
  }

  async function kindsOf(...paths: string[]): Promise<string[]> {
    const rows = await device.replica.index.getMany(paths.map(path))
    return rows.map((row) => row?.record.kind ?? 'none')
  }

  const contentInIndex = async (file: string) => (await device.replica.index.get(path(file)))?.record.content

  /** Calls `act` with each disk operation on this file. */
  function onFile(file: string, act: (operation: keyof Disk) => void): void {
    device.disk.onCall = (operation, at) => {
      if (at === `${root}/${file}`) act(operation)
    }
  }

  it('finds a change that left size, times and inode as they were, for it came right after the look', async () => {
    const mtimeNs = 1_700_000_000_000_000_000n
    const states: DiskState[] = []
    const put = (text: string) => {
      device.disk.quietly(() => device.disk.writeFile(`${root}/doc`, text, { mtimeNs }))
      states.push(device.disk.quietly(() => device.disk.lstat(`${root}/doc`)) as DiskState)
    }
    put('old')
    let step = 0
    onFile('doc', (operation) => {
      if (operation === 'lstat' && step === 0) {
        step = 1
        put('one')
      } else if (operation === 'close' && step === 1) {
        step = 2
        put('two')
      }
    })
    await scan()
    expect(sameDiskState(states[1]!, states[2]!)).toBe(true)
    expect(await contentInIndex('doc')).toBe(contentOf('two'))
  })

  it('reads a file once that is older than the look', async () => {
    device.write('doc', 'text')
    await world.clock.pass(10_000)
    let reads = 0
    onFile('doc', (operation) => {
      if (operation === 'openRead') reads++
    })
    await scan()
    await scan()
    expect(reads).toBe(1)
  })

  it('tries a file again that changes while it is hashed, later each time', async () => {
    const tries: number[] = []
    const clock = world.clock.view()
    device.write('doc', 'text 0')
    onFile('doc', (operation) => {
      if (operation === 'openRead') tries.push(clock.monotonic())
      if (operation === 'read' && tries.length <= 5) {
        device.disk.quietly(() => device.disk.writeFile(`${root}/doc`, `text ${tries.length}`))
      }
    })
    device.overflow()
    await world.clock.pass(30_000)
    expect(await contentInIndex('doc')).toBe(contentOf('text 5'))
    const waits = tries.slice(1, 6).map((at, i) => at - tries[i]!)
    expect(waits.length).toBe(5)
    expect(waits.every((wait, i) => i === 0 || wait > waits[i - 1]!)).toBe(true)
  })

  it('deletes nothing in a folder that cannot be read, and says so', async () => {
    device.write('d/e/x', 'text')
    device.write('y', 'text')
    await scan()
    device.disk.setAccess(`${root}/d`, { read: false })
    await scan()
    expect(await kindsOf('d', 'd/e', 'd/e/x', 'y')).toEqual(['folder', 'folder', 'file', 'file'])
    expect(device.replica.view.status().problems).toMatchObject([{ path: 'd' }])
    device.disk.setAccess(`${root}/d`, { read: true })
    device.remove('d/e')
    await scan()
    expect(await kindsOf('d', 'd/e', 'd/e/x')).toEqual(['folder', 'tombstone', 'tombstone'])
    expect(device.replica.view.status().problems).toEqual([])
  })

  it('deletes nothing where another file system is mounted, and takes in nothing of it', async () => {
    device.write('mnt/x', 'before')
    device.write('y', 'text')
    await scan()
    device.remove('mnt/x')
    device.write('mnt/other', 'not ours')
    device.disk.mount(`${root}/mnt`)
    await scan()
    expect(await kindsOf('mnt', 'mnt/x', 'mnt/other', 'y')).toEqual(['folder', 'file', 'none', 'file'])
    const reason = 'another file system is mounted there'
    expect(device.replica.view.status().problems).toEqual([{ path: 'mnt', reason }])
    device.isDeaf = false
    device.write('mnt/other', 'not ours either')
    await world.clock.pass(1000)
    expect(await kindsOf('mnt/x', 'mnt/other')).toEqual(['file', 'none'])
  })
})
