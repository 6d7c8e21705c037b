import { beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { FetchBlock } from '../../src/blocks/plan-fetch.ts'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { systemCode } from '../../src/model/errors.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { BlocksElsewhere, type OtherFolder, type WantedBlocks } from '../../src/node/blocks-elsewhere.ts'
import type { FetchFile } from '../../src/node/fetch-groups.ts'
import type { BlockRead, BlockReads } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { memoryStore } from '../twins/memory-store.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { deviceTagOf } from '../../src/node/device-identity.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { fileRecord } from './sample-record.ts'

const KiB = 1024
const blockBytes = 50 * KiB

let disk: MemoryDisk
let other: Folder
let others: OtherFolder[]
let stopping: AbortController
let staged: Map<string, number>
let elsewhere: BlocksElsewhere
/** What was to be fetched, call by call, as `staged name@offset`. */
let fetched: string[][]

beforeEach(async () => {
  disk = new MemoryDisk()
  other = await Folder.at('/other')
  others = [other]
  stopping = new AbortController()
  staged = new Map()
  fetched = []
  const tasks = new DiskFileTasks({ disk, root: '/here' })
  await tasks.prepareRoot(null)
  elsewhere = new BlocksElsewhere({
    tasks,
    signal: stopping.signal,
    otherFolders: () => others,
    onStaged: ({ staged: name }, bytes) => staged.set(name, (staged.get(name) ?? 0) + bytes),
  })
})

/** A folder of the same node; its files are single blocks. */
class Folder implements OtherFolder {
  readonly index: FolderIndex
  readonly #root: string
  readonly #disk: DiskFileTasks
  /** The bytes of each read, and how many were under way at once. */
  readonly reads: number[] = []
  underwayMax = 0
  #underway = 0
  onRead = (): void => undefined

  private constructor(root: string, index: FolderIndex) {
    this.#root = root
    this.#disk = new DiskFileTasks({ disk, root })
    this.index = index
  }

  static async at(root: string): Promise<Folder> {
    const deviceTag = deviceTagOf(`12D3Koo${'A'.repeat(45)}` as DeviceId)
    return new Folder(root, await FolderIndex.open(memoryStore(), { deviceTag, random: new SeededRandom(1) }))
  }

  readonly tasks = {
    readBlocks: async (requests: readonly BlockRead[], into?: Uint8Array): Promise<BlockReads> => {
      this.reads.push(requests.reduce((sum, { length }) => sum + length, 0))
      this.underwayMax = Math.max(this.underwayMax, ++this.#underway)
      this.onRead()
      try {
        return await this.#disk.readBlocks(requests, into)
      } finally {
        this.#underway--
      }
    },
  }

  async hold(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
    for (const [path, bytes] of files) disk.writeFile(`${this.#root}/${path}`, bytes)
    const found = await this.#disk.lstat(Array.from(files.keys(), parseRelativePath))
    const changes = Array.from(files, ([path, bytes], i) => {
      const record = fileRecord(path, '', { sizeBytes: bytes.length, content: hashBlock(bytes) })
      return { record, disk: found[i]!.disk }
    })
    await this.index.commit(changes)
  }

  change(path: string, bytes: Uint8Array): void {
    disk.writeFile(`${this.#root}/${path}`, bytes)
  }

  close(): Promise<void> {
    return this.#disk.close()
  }
}

function bytesOf(number: number): Uint8Array {
  const bytes = Buffer.alloc(blockBytes, 'x')
  bytes.writeUInt32BE(number)
  return bytes
}

function numbered(numbers: readonly number[]): Map<string, Uint8Array> {
  return new Map(numbers.map((number) => [`f${number}`, bytesOf(number)]))
}

/** A file made of such blocks, one after the other. */
function fileOf(name: string, numbers: readonly number[]): [FetchFile, FetchBlock[]] {
  const record = fileRecord(name, name, { sizeBytes: numbers.length * blockBytes })
  const blocks = numbers.map((number, i) => ({
    staged: name,
    offset: i * blockBytes,
    length: blockBytes,
    hash: hashBlock(bytesOf(number)),
    alsoAt: [],
  }))
  return [{ record, sources: new Set(), staged: name, local: null }, blocks]
}

async function fetch(wanted: WantedBlocks): Promise<void> {
  fetched.push(
    Array.from(wanted.values()).flatMap((blocks) => blocks.map((block) => `${block.staged}@${block.offset}`)),
  )
}

function stagedHashes(name: string, count: number): string[] {
  const bytes = disk.readFile(`/here/.p2psync/staging/${name}`)
  return Array.from({ length: count }, (_, i) => hashBlock(bytes.subarray(i * blockBytes, (i + 1) * blockBytes)))
}

describe('blocks that another folder of this node holds', () => {
  it('are staged, and only the others are fetched', async () => {
    await other.hold(numbered([1, 2, 4]))
    const [a, b] = [fileOf('a', [1, 2, 3]), fileOf('b', [4, 5])]
    await elsewhere.take(new Map([a, b]), fetch)
    expect(fetched).toEqual([[`a@${2 * blockBytes}`, `b@${blockBytes}`], []])
    expect(stagedHashes('a', 2)).toEqual(a[1].slice(0, 2).map(({ hash }) => hash))
    expect(stagedHashes('b', 1)).toEqual([b[1][0]!.hash])
    expect([...staged]).toEqual([
      ['a', 2 * blockBytes],
      ['b', blockBytes],
    ])
  })

  it('are staged at each of their places', async () => {
    await other.hold(numbered([1]))
    const [file, [block]] = fileOf('a', [1])
    await elsewhere.take(new Map([[file, [{ ...block!, alsoAt: [blockBytes, 3 * blockBytes] }]]]), fetch)
    const { hash } = block!
    const zeros = hashBlock(new Uint8Array(blockBytes))
    expect(stagedHashes('a', 4)).toEqual([hash, hash, zeros, hash])
    expect(staged.get('a')).toBe(3 * blockBytes)
  })

  it('are found in whatever folder has them', async () => {
    const third = await Folder.at('/third')
    others = [await Folder.at('/empty'), other, third]
    await other.hold(numbered([1, 2]))
    await third.hold(numbered([2, 3]))
    const [file, blocks] = fileOf('a', [1, 2, 3, 4])
    await elsewhere.take(new Map([[file, blocks]]), fetch)
    expect(fetched).toEqual([[`a@${3 * blockBytes}`], []])
    expect([other.reads, third.reads]).toEqual([[2 * blockBytes], [blockBytes]])
  })

  it('are read in parts of a mebibyte, two at a time, whatever the number of jobs', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await other.hold(numbered(numbers))
    const jobs = ['a', 'b', 'c'].map((name) => elsewhere.take(new Map([fileOf(name, numbers)]), fetch))
    await Promise.all(jobs)
    expect(fetched.flat()).toEqual([])
    expect(other.underwayMax).toBe(2)
    expect(Math.max(...other.reads)).toBeLessThanOrEqual(KiB * KiB)
    expect(other.reads.length).toBe(15)
  })

  it('are fetched where its file has changed meanwhile, and all others are staged', async () => {
    await other.hold(numbered([1, 2, 3]))
    other.change('f2', bytesOf(7))
    const [file, blocks] = fileOf('a', [1, 2, 3])
    await elsewhere.take(new Map([[file, blocks]]), fetch)
    expect(fetched).toEqual([[], [`a@${blockBytes}`]])
    expect(staged.get('a')).toBe(2 * blockBytes)
  })

  it('are fetched where what was read of it is something else, whatever it says', async () => {
    await other.hold(numbered([1, 2]))
    const { readBlocks } = other.tasks
    other.tasks.readBlocks = async (requests, into) => {
      const read = await readBlocks(requests, into)
      read.bytes[0]! ^= 1
      return read
    }
    const [file, blocks] = fileOf('a', [1, 2])
    await elsewhere.take(new Map([[file, blocks]]), fetch)
    expect(fetched).toEqual([[], ['a@0']])
    expect(staged.get('a')).toBe(blockBytes)
  })

  it('are fetched where only the history of it has them: what was removed there is not to come back here', async () => {
    await other.hold(numbered([1, 2]))
    const findBlocks = other.index.findBlocks.bind(other.index)
    other.index.findBlocks = async (hashes) => {
      const [, ...found] = await findBlocks(hashes)
      return [{ path: '.p2psync/history/h1/f1' as never, offset: 0, length: blockBytes }, ...found]
    }
    const [file, blocks] = fileOf('a', [1, 2])
    await elsewhere.take(new Map([[file, blocks]]), fetch)
    expect(fetched).toEqual([['a@0'], []])
  })

  it('are fetched when it closes before or while it is asked', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await other.hold(numbered(numbers))
    other.onRead = () => {
      if (other.reads.length === 2) void other.close()
    }
    const [file, blocks] = fileOf('a', numbers)
    await elsewhere.take(new Map([[file, blocks]]), fetch)
    expect(fetched[0]).toEqual([])
    expect(fetched[1]!.length * blockBytes + (staged.get('a') ?? 0)).toBe(100 * blockBytes)
    expect(fetched[1]!.length).toBeGreaterThan(50)
    await other.index.close()
    await elsewhere.take(new Map([fileOf('b', [1, 2])]), fetch)
    expect(fetched.slice(2).flat()).toEqual([`b@0`, `b@${blockBytes}`])
  })

  it('are no longer taken when the folder stops', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await other.hold(numbered(numbers))
    other.onRead = () => stopping.abort()
    await elsewhere.take(new Map([fileOf('a', numbers)]), fetch)
    expect(other.reads.length).toBeLessThanOrEqual(2)
  })

  it('are not taken any more when the disk or the fetch fails', async () => {
    const numbers = Array.from({ length: 100 }, (_, i) => i)
    await other.hold(numbered(numbers))
    const [file, blocks] = fileOf('a', [...numbers, 1000])
    const refused = elsewhere.take(new Map([[file, blocks]]), () => Promise.reject(new Error('refused')))
    await expect(refused).rejects.toThrow('refused')
    const readsThen = other.reads.length
    expect(readsThen).toBeLessThanOrEqual(2)
    disk.capacityBytes = 0
    const failed = await elsewhere.take(new Map([fileOf('b', numbers)]), fetch).catch(systemCode)
    expect(failed).toBe('ENOSPC')
    expect(other.reads.length - readsThen).toBeLessThanOrEqual(4)
  })

  it('cost nothing where there is no other folder', async () => {
    others = []
    const wanted = new Map([fileOf('a', [1])])
    const calls: WantedBlocks[] = []
    await elsewhere.take(wanted, async (rest) => void calls.push(rest))
    expect(calls).toEqual([wanted])
  })
})
