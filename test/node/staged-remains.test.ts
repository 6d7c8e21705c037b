import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { stagedNameFor } from '../../src/blocks/staged-name.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { discardRemains, StagedLeftovers, usefulRemains } from '../../src/node/staged-remains.ts'
import type { Logger } from '../../src/ports/logger.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

const dayMs = 24 * 60 * 60_000
const startMs = Date.UTC(2026, 0, 1)
const emptyList = encodeBlockList([])
let nowMs: number
let disk: MemoryDisk
let tasks: DiskFileTasks
let warnings: string[]
let logger: Logger

beforeEach(async () => {
  nowMs = startMs
  disk = new MemoryDisk({ now: () => BigInt(nowMs) * 1_000_000n })
  tasks = new DiskFileTasks({ disk, root: '/root' })
  await tasks.prepareRoot(null)
  warnings = []
  const log = (text: string) => void warnings.push(text)
  logger = { debug: log, info: log, warn: log, error: log, child: () => logger }
})

describe('what earlier tries have left', () => {
  it('is of use for seven days after it was written to or gone on with, whatever its own time', async () => {
    const [old, late, resumed] = [nameOf('old'), nameOf('late'), nameOf('resumed')]
    for (const name of [old, resumed]) put(name, 'x')
    nowMs += 3 * dayMs
    put(late, 'x', 0n)
    await tasks.checkStaged(resumed, emptyList)
    nowMs += 4 * dayMs
    expect(await useful()).toEqual([late, old, resumed].sort())
    nowMs += 1
    expect(await useful()).toEqual([late, resumed].sort())
  })

  it('is of use only in the version of a path that was written last', async () => {
    const [first, second] = [nameOf('a', '1'), nameOf('a', '2')]
    put(second, 'x')
    nowMs += 1000
    put(first, 'x')
    expect(await useful()).toEqual([first])
    await tasks.checkStaged(second, emptyList)
    nowMs += 1000
    await tasks.checkStaged(second, emptyList)
    expect(await useful()).toEqual([second])
  })

  it('is discarded when it is of no use, and all else stays', async () => {
    put(nameOf('old'), '12345')
    put('0123456789abcdef01234567', 'of a job')
    nowMs += 8 * dayMs
    put(nameOf('new'), 'x')
    expect(await discard('useful')).toBe(5)
    expect(await listed()).toEqual(['0123456789abcdef01234567', nameOf('new')].sort())
    expect(await discard('useful')).toBe(0)
  })

  it('goes with the version of its path that is put in place, and what is of other paths stays', async () => {
    const [older, placed, other] = [nameOf('a', '1'), nameOf('a', '2'), nameOf('b', '1')]
    for (const name of [older, placed, other, 'of-another-job']) put(name, 'x')
    const leftovers = new StagedLeftovers({ tasks, isFolderThere: () => Promise.resolve(true) })
    await leftovers.settled(['of-another-job'])
    expect((await tasks.listStaged()).length).toBe(4)
    await leftovers.settled([placed, ''])
    expect((await tasks.listStaged()).map(({ staged }) => staged).sort()).toEqual(
      [placed, other, 'of-another-job'].sort(),
    )
  })

  it('goes later when the folder was away', async () => {
    let isThere = false
    const leftovers = new StagedLeftovers({ tasks, isFolderThere: () => Promise.resolve(isThere) })
    disk.rename('/root', '/away')
    await leftovers.discard(['of-a-job'])
    disk.rename('/away', '/root')
    put('of-a-job', 'x')
    put('of-another', 'x')
    isThere = true
    await leftovers.discard(['of-another'])
    expect(await listed()).toEqual([])
  })

  it('goes when the disk is full, but for what is in use', async () => {
    put(nameOf('a'), '123')
    put(nameOf('b'), '1234')
    expect(await discard('none', nameOf('b'))).toBe(3)
    expect(await listed()).toEqual([nameOf('b')])
  })

  it('stays for another time when the disk does not let it go', async () => {
    put(nameOf('a'), '123')
    disk.onCall = (operation) => {
      if (operation === 'unlink') throw Object.assign(new Error('no'), { code: 'EIO' })
    }
    expect(await discard('none')).toBe(0)
    expect(warnings).toEqual(['remains of earlier tries were not cleared away'])
    disk.onCall = undefined
    expect(await discard('none')).toBe(3)
  })
})

function nameOf(path: string, content = ''): string {
  return stagedNameFor(parseRelativePath(path), hashBlock(Buffer.from(content)))
}

function put(name: string, text: string, mtimeNs = 1_700_000_000_000_000_000n): void {
  disk.writeFile(`/root/.p2psync/staging/${name}`, text, { mtimeNs })
}

async function useful(): Promise<string[]> {
  return [...usefulRemains(await tasks.listStaged(), nowMs)].sort()
}

async function listed(): Promise<string[]> {
  return (await tasks.listStaged()).map(({ staged }) => staged).sort()
}

function discard(keep: 'useful' | 'none', inUse = ''): Promise<number> {
  return discardRemains({ tasks, logger }, { nowMs, keep, isInUse: (staged) => staged === inUse })
}
