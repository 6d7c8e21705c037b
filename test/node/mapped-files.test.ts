import { spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import { FolderIndex, type IndexRow } from '../../src/file-index/folder-index.ts'
import { isToLookAtAgain, sameDiskState, toLookAtAgain, type DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { SecondLooks } from '../../src/node/second-looks.ts'
import { SerialQueue } from '../../src/node/serial-queue.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { countingRandom, deviceTag, diskOf, recordOf } from '../file-index/sample-records.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { silentLogger } from '../twins/silent-logger.ts'

const path = parseRelativePath('mapped')
const filesMax = 50_000

/** Writes into its mapping of a file each time when it is told to. */
const program = `
import mmap, sys
with open(sys.argv[1], 'r+b') as file:
    mapping = mmap.mmap(file.fileno(), 0)
    for line in sys.stdin:
        mapping[0:5] = line.strip().encode()
        print('done', flush=True)
`

const problem =
  process.platform !== 'linux'
    ? 'only Linux is known to stamp mappings so'
    : spawnSync('python3', ['-c', 'import mmap']).status === 0
      ? null
      : 'python3 with mmap is not there'

describe.skipIf(problem !== null)(`a program with a mapping${problem === null ? '' : ` (skipped: ${problem})`}`, () => {
  let root: string
  let writer: ChildProcessWithoutNullStreams

  beforeEach(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), 'p2psync-test-')))
    writeFileSync(join(root, path), 'empty'.repeat(20_000))
    writer = spawn('python3', ['-c', program, join(root, path)])
  })

  afterEach(async () => {
    writer.stdin.end()
    await once(writer, 'close')
    rmSync(root, { recursive: true, force: true })
  })

  async function write(text: string): Promise<void> {
    writer.stdin.write(`${text}\n`)
    await once(writer.stdout, 'data')
  }

  it('writes twice, and the kernel tells of the first time only: the second look tells of the other', async (context) => {
    const tasks = new DiskFileTasks({ disk: new NodeDisk(), root })
    const { looks, clock, index, dirty, stop } = await secondLooks(tasks)
    await write('first')
    const [seen] = await tasks.lstat([path])
    const disk = seen!.disk!
    const [hashed] = await tasks.hash([{ path, disk }])
    if (hashed?.outcome !== 'hashed') throw new Error('not hashed')
    const { content, blockList } = hashed
    looks.onHashed(path, disk, { hashedAt: Number(disk.mtimeNs / 1_000_000n), afterSeq: index.seq })
    const { sizeBytes, mtimeNs } = disk
    await index.commit([{ record: recordOf(path, { kind: 'file', sizeBytes, mtimeNs, content }), disk, blockList }])
    await write('other')
    const [after] = await tasks.lstat([path])
    // The system may have written the page out in between, and some file systems stamp each write.
    if (!sameDiskState(after!.disk, disk)) context.skip('the times tell of both writes here')

    await clock.advance(30_000)
    expect(dirty).toEqual([])
    await clock.advance(15_000)
    await expect.poll(() => dirty).toEqual([path])
    expect(isToLookAtAgain((await index.get(path))!.disk!)).toBe(true)
    await stop()
    await tasks.close()
  })
})

describe('files that wait for their second look', () => {
  it('are so many at most, and the oldest are given up', async () => {
    const { looks, clock, stop } = await secondLooks({ hash: async () => [] })
    const seen = { hashedAt: clock.now(), afterSeq: 0 }
    const fresh = { ...diskOf(1), ctimeNs: BigInt(clock.now()) * 1_000_000n }
    const nameOf = (i: number): RelativePath => parseRelativePath(`file ${i}`)
    for (let i = 0; i <= filesMax; i++) looks.onHashed(nameOf(i), { ...fresh, inode: BigInt(i) }, seen)
    expect([0, 1, filesMax].map((i) => looks.isDue(nameOf(i)))).toEqual([false, true, true])
    await stop()
  })

  it('are those of a peer that have changed since, also where their rows tell nothing of the disk', async () => {
    const { looks, clock, stop } = await secondLooks({ hash: async () => [] })
    const at = (ms: number): DiskState => toLookAtAgain({ ...diskOf(1), ctimeNs: BigInt(ms) * 1_000_000n })
    const done = { seq: 4, changedMs: clock.now() }
    const rowOf = (name: string, ms: number): IndexRow => ({ record: recordOf(name), disk: at(ms), seq: 5 })
    looks.takeUp([rowOf('since', clock.now()), rowOf('before', clock.now() - 1)], done)
    expect(['since', 'before'].map((name) => looks.isDue(parseRelativePath(name)))).toEqual([true, false])
    expect(looks.done).toEqual({ seq: 0, changedMs: clock.now() - 40_000 })
    await stop()
  })
})

/** What has to be looked at comes into `dirty`. */
async function secondLooks(tasks: Pick<DiskFileTasks, 'hash'>) {
  const clock = new ManualClock()
  const index = await FolderIndex.open(memoryStore(), { deviceTag, random: countingRandom() })
  const dirty: RelativePath[] = []
  const stopping = new AbortController()
  const looks = new SecondLooks({
    index,
    tasks,
    clock,
    logger: silentLogger,
    commits: new SerialQueue(),
    dirty: { add: (one) => void dirty.push(one) },
    damage: { all: () => new Set() },
    signal: stopping.signal,
    isFolderThere: async () => true,
    isBusy: () => false,
  })
  const running = looks.run()
  const stop = async (): Promise<void> => {
    stopping.abort()
    await running
  }
  return { looks, clock, index, dirty, stop }
}
