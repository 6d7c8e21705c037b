import { spawnSync } from 'node:child_process'
import { createHash, randomFillSync } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { BlockList } from '../../src/blocks/block-list.ts'
import { hashFiles } from '../../src/blocks/hash-file.ts'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import { describeItems, type Description } from '../../src/manifest/describe-items.ts'
import { knownFiles } from '../../src/manifest/known-files.ts'
import type { ManifestPart } from '../../src/manifest/manifest-entry.ts'
import { readManifest } from '../../src/manifest/read-manifest.ts'
import { TreeReaders } from '../../src/manifest/tree-readers.ts'
import { walkTree, type TreeItem } from '../../src/manifest/walk-tree.ts'
import { writeManifest, type ManifestOptions, type ManifestSummary } from '../../src/manifest/write-manifest.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { FileHandle } from '../../src/ports/disk.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { temporaryFolder } from '../watcher/temporary-folder.ts'
import { inChunks } from './sample-manifest.ts'

const readers = new TreeReaders({ threads: 2 })
afterAll(() => readers.stop())
let root: string
beforeEach(() => {
  root = temporaryFolder()
})

interface Written extends ManifestSummary {
  readonly text: string
}

async function write(options: Partial<ManifestOptions> = {}): Promise<Written> {
  const pieces: Uint8Array[] = []
  const writing = writeManifest({ readers, folder: root, createdAtMs: 0, ...options })
  for (;;) {
    const step = await writing.next()
    if (step.done === true) return { text: Buffer.concat(pieces).toString('utf8'), ...step.value }
    pieces.push(step.value)
  }
}

interface Parsed {
  readonly entries: readonly {
    readonly path: string
    readonly kind: string
    readonly sha256?: string
    readonly linkTarget?: string
    readonly executable?: boolean
    readonly blocks?: readonly (readonly [hash: string, length: number])[]
  }[]
}

function parse(text: string): Parsed['entries'] {
  return (JSON.parse(text) as Parsed).entries
}

const paths = (text: string): string[] => parse(text).map((entry) => entry.path)

describe('the manifest of a folder', () => {
  it('has the SHA-256 that sha256sum gives, and the blocks that p2psync syncs', async () => {
    const sizes = [0, 1, 65_536, 65_537, 1_000_000]
    for (const size of sizes) writeFileSync(join(root, `f${size}`), randomFillSync(Buffer.alloc(size)))
    const { text, totals } = await write()
    expect(totals).toEqual({ files: 5, folders: 0, links: 0, bytes: 1_131_074 })
    const disk = new NodeDisk()
    for (const entry of parse(text)) {
      const bytes = readFileSync(join(root, entry.path))
      const sum = spawnSync('sha256sum', [join(root, entry.path)], { encoding: 'utf8' })
      const expected = sum.status === 0 ? sum.stdout.slice(0, 64) : createHash('sha256').update(bytes).digest('hex')
      expect(entry.sha256).toBe(expected)
      const state = disk.lstat(join(root, entry.path))
      if (state?.kind !== 'file') throw new Error('a file is there')
      const job = hashFiles(disk, root, [{ path: entry.path as RelativePath, disk: state }])
      let step = job.next()
      while (step.done !== true) step = job.next()
      const [synced] = step.value
      if (synced?.outcome !== 'hashed') throw new Error('it is hashed')
      const list = synced.blockList === null ? null : new BlockList(synced.blockList)
      const whole = bytes.length === 0 ? [] : [[synced.content, bytes.length]]
      const blocks =
        list === null ? whole : Array.from({ length: list.count }, (_, i) => [list.hashAt(i), list.lengthAt(i)])
      expect(entry.blocks).toEqual(blocks)
    }
    const without = parse((await write({ blocks: false })).text)
    expect(without).toEqual(parse(text).map((entry) => ({ ...entry, blocks: undefined })))
  })

  it('lists everything as it is, in path order, and changes nothing', async () => {
    const foreign = 'cafe\u0301'
    mkdirSync(join(root, 'd/own/.p2psync'), { recursive: true })
    mkdirSync(join(root, '.p2psync'))
    writeFileSync(join(root, 'd/own/.p2psync/folder.json'), '{}')
    writeFileSync(join(root, foreign), '')
    writeFileSync(join(root, 'd-'), '', { mode: 0o755 })
    symlinkSync('/etc/passwd', join(root, 'l'))
    const { text, problems } = await write()
    expect(paths(text)).toEqual([foreign, 'd', 'd/own', 'd-', 'l'])
    expect(problems).toEqual([])
    expect(parse(text).find((entry) => entry.path === 'l')).toMatchObject({
      kind: 'symlink',
      linkTarget: '/etc/passwd',
    })
    expect(parse(text).find((entry) => entry.path === 'd-')).toMatchObject({ executable: true })
    expect(readdirSync(root).toSorted()).toEqual(['.p2psync', foreign, 'd', 'd-', 'l'])
  })

  it('is whole without what cannot be read, which it names', async () => {
    writeFileSync(join(root, 'a'), 'x')
    expect(spawnSync('mkfifo', [join(root, 'pipe')]).status).toBe(0)
    const { text, problems } = await write()
    expect(paths(text)).toEqual(['a'])
    expect(problems).toEqual([{ path: 'pipe', reason: 'it is neither file, folder nor symlink' }])
    expect((JSON.parse(text) as { problems: unknown }).problems).toEqual(problems)
  })

  it('is one of no entries for an empty folder, and of those left for what is left out', async () => {
    expect(paths((await write()).text)).toEqual([])
    for (const name of ['a', 'b', 'c']) writeFileSync(join(root, name), 'x')
    expect(paths((await write({ leaveOut: ['c', 'b'] })).text)).toEqual(['a'])
  })

  it('is not written of a folder that is none', async () => {
    writeFileSync(join(root, 'file'), '')
    await expect(write({ folder: join(root, 'none') })).rejects.toMatchObject({ code: 'folder-missing' })
    await expect(write({ folder: join(root, 'file') })).rejects.toMatchObject({ code: 'folder-missing' })
    const writing = writeManifest({ readers, folder: join(root, 'none'), createdAtMs: 0 })
    await expect(writing.next()).rejects.toMatchObject({ code: 'folder-missing' })
  })

  it('reads what it wrote of a thousand files, more than are on their way at once', async () => {
    for (let i = 0; i < 1000; i++) {
      mkdirSync(join(root, `d${i % 10}`), { recursive: true })
      writeFileSync(join(root, `d${i % 10}/${i}`), String(i))
    }
    const { text } = await write()
    let files = 0
    for await (const part of readManifest(inChunks(text, 1000), { name: 'it' })) {
      for (const entry of part.entries) {
        if (entry.kind !== 'file') continue
        files++
        const content = entry.path.slice(entry.path.indexOf('/') + 1)
        expect(entry.sha256).toBe(createHash('sha256').update(content).digest('hex'))
      }
    }
    expect(files).toBe(1000)
  })

  it('takes the content of files of the same size and time from another manifest, when it may', async () => {
    for (const name of ['same', 'grown', 'touched']) writeFileSync(join(root, name), 'old')
    const before = readManifest(inChunks((await write()).text), { name: 'it' })
    const parts: ManifestPart[] = []
    for await (const part of before) parts.push(part)
    writeFileSync(join(root, 'grown'), 'older')
    utimesSync(join(root, 'touched'), 1, 1)
    const asked: string[] = []
    const known = (item: TreeItem): string => {
      const sha256 = knownFiles(parts)(item)
      if (sha256 !== '') asked.push(item.path)
      return sha256
    }
    const { text } = await write({ blocks: false, known })
    expect(asked).toEqual(['same'])
    const sha = (content: string): string => createHash('sha256').update(content).digest('hex')
    expect(parse(text).map((entry) => entry.sha256)).toEqual([sha('older'), sha('old'), sha('old')])
  })
})

/** A disk on which a file grows by a byte each time that it is read, so many times. */
class GrowingDisk extends MemoryDisk {
  left = 0

  override read(handle: FileHandle, target: Uint8Array, position: number): number {
    const got = super.read(handle, target, position)
    if (this.left-- > 0) this.writeFile('/r/f', 'x'.repeat(10 + this.left))
    return got
  }
}

describe('a file that changes while it is read', () => {
  async function describeGrowing(times: number): Promise<{ description: Description; pauses: number[] }> {
    const disk = new GrowingDisk()
    disk.writeFile('/r/f', 'first')
    const [batch] = [...walkTree(disk, '/r', { starts: [''] })]
    disk.left = times
    const pauses: number[] = []
    const sleep = (milliseconds: number): Promise<unknown> => Promise.resolve(pauses.push(milliseconds))
    const deps = { disk, root: '/r', turn: () => Promise.resolve(), sleep }
    const description = await describeItems(deps, batch!.items, { blocks: true, known: null })
    expect(disk.openHandles).toBe(0)
    return { description, pauses }
  }

  it('is read again after a while, until it rests', async () => {
    const { description, pauses } = await describeGrowing(2)
    const entry = JSON.parse(Buffer.from(description.text).toString()) as { sizeBytes: number; sha256: string }
    expect(entry.sizeBytes).toBe(10)
    expect(entry.sha256).toBe(createHash('sha256').update('x'.repeat(10)).digest('hex'))
    expect(pauses).toEqual([10, 40])
  })

  it('is a problem when it never does', async () => {
    const { description } = await describeGrowing(100)
    expect(description.text).toHaveLength(0)
    expect(description.problems).toEqual([{ path: 'f', reason: 'it changed each time that it was read' }])
  })
})
