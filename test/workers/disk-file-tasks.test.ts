import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import type { HashRequest, ScanBatch } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

const root = '/folder'

function diskWith(count: number): { disk: MemoryDisk; requests: HashRequest[] } {
  const disk = new MemoryDisk()
  disk.makeFolders(root)
  const requests: HashRequest[] = []
  for (let i = 0; i < count; i++) {
    const path = parseRelativePath(`file-${String(i).padStart(5, '0')}`)
    disk.writeFile(`${root}/${path}`, `text ${i}`)
    const entry = disk.lstat(`${root}/${path}`)
    if (entry?.kind === 'file') requests.push({ path, disk: entry })
  }
  return { disk, requests }
}

async function collect(batches: AsyncIterable<ScanBatch>): Promise<RelativePath[]> {
  const paths: RelativePath[] = []
  for await (const batch of batches) paths.push(...batch.entries.map((entry) => entry.path))
  return paths
}

describe('DiskFileTasks', () => {
  it('scans and hashes all files of a folder in order', async () => {
    const { disk, requests } = diskWith(2500)
    const tasks = new DiskFileTasks({ disk, root })
    expect(await collect(tasks.scan(''))).toEqual(requests.map((request) => request.path))
    const results = await tasks.hash(requests)
    expect(results.map(({ outcome, path }) => [outcome, path])).toEqual(requests.map(({ path }) => ['hashed', path]))
    expect(disk.openHandles).toBe(0)
  })

  it('delays a short job by no more than a slice of a long one', async () => {
    const { disk, requests } = diskWith(3000)
    let turns = 0
    const turn = async () => {
      turns++
      await new Promise(setImmediate)
    }
    const tasks = new DiskFileTasks({ disk, root }, { turn })
    const ended: string[] = []
    const long = tasks.hash(requests).then(() => ended.push(`hash after ${turns > 5 ? 'many' : turns} turns`))
    const short = tasks.lstat([requests[0]!.path]).then(() => ended.push(`lstat after ${turns} turns`))
    await Promise.all([long, short])
    expect(ended).toEqual(['lstat after 1 turns', 'hash after many turns'])
  })

  it('gives two long jobs their turns one after the other', async () => {
    const { disk, requests } = diskWith(1000)
    const tasks = new DiskFileTasks({ disk, root })
    const order: string[] = []
    disk.onCall = (operation, path) => {
      if (operation === 'openRead') order.push(Number(path.slice(-5)) < 500 ? 'a' : 'b')
    }
    await Promise.all([tasks.hash(requests.slice(0, 500)), tasks.hash(requests.slice(500))])
    expect(order.length).toBe(1000)
    const firstOfB = order.indexOf('b')
    expect(firstOfB).toBeLessThan(300)
    expect(order.lastIndexOf('a')).toBeGreaterThan(firstOfB + 100)
  })

  it('rejects with what the disk threw', async () => {
    const { disk } = diskWith(1)
    disk.onCall = (operation) => {
      if (operation === 'freeBytes') throw Object.assign(new Error('EIO: broken'), { code: 'EIO' })
    }
    await expect(new DiskFileTasks({ disk, root }).freeBytes()).rejects.toMatchObject({ code: 'EIO' })
  })

  it('ends what runs when it is closed, leaves nothing open, and takes nothing more', async () => {
    const { disk, requests } = diskWith(3000)
    const tasks = new DiskFileTasks({ disk, root })
    const hashing = expect(tasks.hash(requests)).rejects.toThrow(P2psyncError)
    const scan = tasks.scan('')[Symbol.asyncIterator]()
    await scan.next()
    await tasks.close()
    await hashing
    await expect(scan.next()).rejects.toMatchObject({ code: 'disk-failed' })
    await expect(tasks.lstat([])).rejects.toMatchObject({ code: 'disk-failed' })
    await expect(tasks.freeBytes()).rejects.toMatchObject({ code: 'disk-failed' })
    expect(disk.openHandles).toBe(0)
  })
})
