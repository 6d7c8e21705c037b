import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { stagedNameFor } from '../../src/blocks/staged-name.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import type { Logger } from '../../src/ports/logger.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { FileWorkerPool } from '../../src/workers/file-worker-pool.ts'
import { WorkerFileTasks } from '../../src/workers/worker-file-tasks.ts'

const pool = new FileWorkerPool()
let root: string
let tasks: WorkerFileTasks
beforeAll(() => pool.start())
afterAll(() => pool.stop())
beforeEach(async () => {
  root = fs.mkdtempSync(join(tmpdir(), 'p2psync-workers-'))
  tasks = new WorkerFileTasks({ pool, root })
  await tasks.prepareRoot({ folder: 'f'.repeat(64), nonce: '0'.repeat(32) })
})
afterEach(async () => {
  await tasks.close()
  fs.rmSync(root, { recursive: true })
})

const path = parseRelativePath
const bytesOf = (text: string) => new Uint8Array(Buffer.from(text))
const put = (name: string, data: string | Uint8Array) => fs.writeFileSync(`${root}/${name}`, data)

// Names of one file: a disk makes them much faster than files. More batches than a scan sends ahead.
function putMany(prefix: string, count: number): void {
  put(`${prefix}0`, '')
  for (let i = 1; i < count; i++) fs.linkSync(`${root}/${prefix}0`, `${root}/${prefix}${i}`)
}

async function scanned(start = ''): Promise<Map<string, ScanEntry>> {
  const entries = new Map<string, ScanEntry>()
  for await (const batch of tasks.scan(start === '' ? '' : path(start))) {
    for (const entry of batch.entries) entries.set(entry.path, entry)
  }
  return entries
}

async function stateOf(name: string): Promise<DiskState> {
  const [result] = await tasks.lstat([path(name)])
  if (result?.disk === null || result === undefined) throw new Error(`nothing at ${name}`)
  return result.disk
}

describe('WorkerFileTasks', () => {
  it('scans a folder: kinds, states and link targets arrive as lstat says', async () => {
    fs.mkdirSync(`${root}/sub`)
    put('sub/b', 'two')
    put('a', 'one')
    fs.symlinkSync('sub/b', `${root}/link`)
    const entries = await scanned()
    expect([...entries.keys()]).toEqual(['a', 'link', 'sub', 'sub/b'])
    expect(entries.get('link')?.linkTarget).toBe('sub/b')
    for (const name of ['a', 'sub/b', 'link']) {
      const { mtimeNs, ctimeNs, ino, size } = fs.lstatSync(`${root}/${name}`, { bigint: true })
      expect(entries.get(name)?.disk).toMatchObject({ mtimeNs, ctimeNs, inode: ino, sizeBytes: Number(size) })
      expect(await stateOf(name)).toEqual(entries.get(name)?.disk)
    }
    expect([...(await scanned('sub')).keys()]).toEqual(['sub', 'sub/b'])
  })

  it('shares much of the same work among both threads, and leaves little to one', async () => {
    put('a', 'one')
    const files = [{ path: path('a'), disk: await stateOf('a') }]
    const pendingOf = () => pool.links.map((link) => link.pending)
    // The second thread starts when there is work for it.
    while (pool.links[1]?.isReady !== true) await Promise.all([tasks.hash(files), tasks.hash(files)])
    const first = tasks.hash(files)
    expect(pendingOf()).toEqual([1, 0])
    const all = [first, ...Array.from({ length: 7 }, () => tasks.hash(files))]
    expect(pendingOf()).toEqual([4, 4])
    for (const results of await Promise.all(all)) expect(results).toMatchObject([{ outcome: 'hashed', path: 'a' }])
    expect(pendingOf()).toEqual([0, 0])
  })

  it('lets a scan be left at any time', async () => {
    fs.mkdirSync(`${root}/sub`)
    putMany('sub/', 6000)
    let batches = 0
    for await (const batch of tasks.scan('')) {
      batches++
      expect(batch.entries.length).toBeLessThanOrEqual(1000)
      if (batches === 2) break
    }
    expect(batches).toBe(2)
    expect((await scanned()).size).toBe(6001)
  })

  it('hashes small and large files, and tells what is gone', async () => {
    const large = new Uint8Array(300_000).map((_, i) => (i * i) >> 3)
    put('small', 'one')
    put('large', large)
    const [small, big] = [await stateOf('small'), await stateOf('large')]
    const results = await tasks.hash([
      { path: path('small'), disk: small },
      { path: path('large'), disk: big },
      { path: path('none'), disk: small },
    ])
    expect(results[0]).toEqual({
      outcome: 'hashed',
      path: 'small',
      disk: small,
      content: hashBlock(bytesOf('one')),
      blockList: null,
    })
    expect(results[1]).toMatchObject({ outcome: 'hashed', path: 'large', disk: big })
    const list = results[1]?.outcome === 'hashed' ? results[1].blockList : null
    expect(list !== null && hashBlock(list)).toBe(results[1]?.outcome === 'hashed' && results[1].content)
    expect(results[2]).toEqual({ outcome: 'gone', path: 'none' })
  })

  it('reads and finds blocks', async () => {
    put('a', 'hello world')
    const world = hashBlock(bytesOf('world'))
    const reads = await tasks.readBlocks([
      { path: path('a'), offset: 6, length: 5, hash: world },
      { path: path('a'), offset: 0, length: 5, hash: world },
    ])
    expect(reads).toMatchObject({ bytes: bytesOf('world'), found: [true, false], encoding: 'none', trial: null })
    const whole = hashBlock(bytesOf('hello world'))
    expect(await tasks.findBlocks(path('a'), 11, [whole, world])).toEqual([{ hash: whole, offset: 0, length: 11 }])
  })

  it('goes on with what is staged, and copies a file that is mostly the same', async () => {
    const bytes = new Uint8Array(300_000).map((_, i) => (i * i) >> 3)
    put('old', bytes)
    const [hashed] = await tasks.hash([{ path: path('old'), disk: await stateOf('old') }])
    const list = hashed?.outcome === 'hashed' ? hashed.blockList! : new Uint8Array(0)
    const staged = stagedNameFor(path('new'), hashBlock(list))
    const none = await tasks.checkStaged(staged, list)
    expect([...none]).toEqual(Array.from(none, () => 0))
    expect(list.byteLength).toBeGreaterThan(0)
    fs.writeFileSync(`${root}/.p2psync/staging/${staged}`, bytes)
    expect(await tasks.checkStaged(staged, list)).toEqual(none.fill(1))
    // Null where the file system of the test has no reflinks.
    expect([none, null]).toContainEqual(await tasks.stageCopy(path('old'), staged, list))
    expect(await tasks.checkStaged(staged, list)).toEqual(none)
  })

  it('stages blocks of a peer and of its own, lists, finishes and applies them', async () => {
    put('source', 'local bytes')
    const bytes = bytesOf('..from a peer')
    const part = { offset: 0, length: 11, at: 2 }
    const staged = await tasks.stageBlocks(
      [
        { ...part, staged: 'peer', hash: hashBlock(bytesOf('from a peer')) },
        { ...part, staged: 'bad', hash: hashBlock(bytesOf('else')) },
      ],
      bytes,
    )
    expect(staged.good).toEqual([true, false])
    expect(bytes.byteLength).toBe(0)
    expect(staged.bytes.subarray(2, 13)).toEqual(bytesOf('from a peer'))
    const source = { source: path('source'), sourceOffset: 0, offset: 0, length: 11 }
    expect(await tasks.stageLocal([{ ...source, staged: 'local', hash: hashBlock(bytesOf('local bytes')) }])).toEqual([
      true,
    ])
    const listed = [...(await tasks.listStaged())].sort((a, b) => (a.staged < b.staged ? -1 : 1))
    expect(listed).toMatchObject([
      { staged: 'local', sizeBytes: 11 },
      { staged: 'peer', sizeBytes: 11 },
    ])
    await tasks.discardStaged(['local'])
    const finished = { staged: 'peer', sizeBytes: 11, mtimeNs: 1_700_000_000_000_000_000n, executable: true }
    expect(await tasks.finishStaged([finished, { ...finished, staged: 'never' }])).toEqual([
      { staged: 'never', code: 'ENOENT' },
    ])
    const step = { type: 'place-file', path: path('new'), expect: null, staged: 'peer', keepAs: null } as const
    const results = await tasks.apply([step], { history: '2026-01-01T00-00-00Z' })
    expect(results).toEqual([{ outcome: 'done', disk: await stateOf('new'), kept: null }])
    expect(fs.readFileSync(`${root}/new`, 'utf8')).toBe('from a peer')
    expect(await tasks.listStaged()).toEqual([])
  })

  it('packs what it reads and unpacks what it stages, and gives back the frame', async () => {
    const text = 'a line of a log\n'.repeat(20_000)
    put('log', text)
    const whole = { offset: 0, length: text.length, hash: hashBlock(bytesOf(text)) }
    const reads = await tasks.readBlocks([{ ...whole, path: path('log') }], undefined, { level: 3 })
    expect(reads).toMatchObject({ found: [true], encoding: 'zstd', rawBytes: text.length })
    expect(reads.trial?.elapsedMs).toBeGreaterThan(0)
    const frame = Uint8Array.from([1, 2, 3, ...reads.bytes])
    const block = { ...whole, staged: 'packed', at: 0 }
    const wrong = await tasks.stageBlocks([block], Uint8Array.from(frame), { at: 3, length: text.length - 1 })
    expect(wrong.good).toEqual([false])
    expect(await tasks.listStaged()).toEqual([])
    const right = await tasks.stageBlocks([block], Uint8Array.from(frame), { at: 3, length: text.length })
    expect(right).toEqual({ good: [true], bytes: frame })
    expect(fs.readFileSync(`${root}/.p2psync/staging/packed`, 'utf8')).toBe(text)
    await tasks.discardStaged(['packed'])
  })

  it('knows the marker, trims history and tells the room that is left', async () => {
    expect(await tasks.readMarker()).toEqual({ folder: 'f'.repeat(64), nonce: '0'.repeat(32) })
    expect(await tasks.trimHistory('2026-01-01T00-00-00Z')).toBeUndefined()
    expect(await tasks.freeBytes()).toBeGreaterThan(0)
  })

  it('takes bytes that are a part of a larger buffer without taking the buffer', async () => {
    const pooled = Buffer.from('a part of a pool')
    const hash = hashBlock(pooled)
    expect(await tasks.stageBlocks([{ staged: 'x', offset: 0, length: 16, hash, at: 0 }], pooled)).toMatchObject({
      good: [true],
    })
    expect(pooled.toString()).toBe('a part of a pool')
  })

  it('rejects with the code of the system', async () => {
    const gone = new WorkerFileTasks({ pool, root: `${root}/gone` })
    await expect(gone.freeBytes()).rejects.toMatchObject({ code: 'ENOENT' })
    await gone.close()
  })

  it('does a short job while a long one of the same thread goes on', async () => {
    const handle = fs.openSync(`${root}/huge`, 'w')
    fs.ftruncateSync(handle, 256 * 1024 * 1024)
    fs.closeSync(handle)
    const disk = await stateOf('huge')
    const ended: string[] = []
    const long = tasks.hash([{ path: path('huge'), disk }]).then(() => ended.push('long'))
    const short = tasks.lstat([path('huge')]).then(() => ended.push('short'))
    await Promise.all([long, short])
    expect(ended).toEqual(['short', 'long'])
  })

  it('ends its jobs when it is closed, while other folders go on', async () => {
    const other = new WorkerFileTasks({ pool, root })
    putMany('', 6000)
    const reading = expect(
      (async () => {
        for await (const batch of other.scan('')) if (batch.entries.length > 0) await other.close()
      })(),
    ).rejects.toMatchObject({ code: 'disk-failed' })
    await reading
    await expect(other.freeBytes()).rejects.toMatchObject({ code: 'disk-failed' })
    expect((await scanned()).size).toBe(6000)
  })
})

describe('FileWorkerPool', () => {
  const url = new URL('dying-worker.ts', import.meta.url)

  it('fails what a dying thread was doing, says so, and starts another', async () => {
    const lines: string[] = []
    const logger = { error: (message: string) => void lines.push(message) } as unknown as Logger
    const dying = new FileWorkerPool({ url, logger })
    await dying.start({ threads: 1 })
    const files = new WorkerFileTasks({ pool: dying, root })
    const never = expect(files.freeBytes()).rejects.toMatchObject({ code: 'disk-failed' })
    const scan = expect(files.scan('')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'disk-failed' })
    await expect(files.listStaged()).rejects.toMatchObject({ code: 'disk-failed' })
    await Promise.all([never, scan])
    expect(lines).toEqual(['file worker died'])
    expect(await files.readMarker()).toBeNull()
    await dying.stop()
    await expect(files.readMarker()).rejects.toMatchObject({ code: 'disk-failed' })
  })

  it('does not start when its threads cannot', async () => {
    const missing = new FileWorkerPool({ url: new URL('no-such-worker.ts', import.meta.url) })
    await expect(missing.start()).rejects.toMatchObject({ code: 'disk-failed' })
    await missing.stop()
  })

  it('refuses calls before it is started', async () => {
    const idle = new WorkerFileTasks({ pool: new FileWorkerPool(), root: '/' })
    await expect(idle.freeBytes()).rejects.toMatchObject({ code: 'disk-failed' })
  })

  it('stops while jobs run, and they fail', async () => {
    const brief = new FileWorkerPool()
    await brief.start({ threads: 1 })
    putMany('', 6000)
    const files = new WorkerFileTasks({ pool: brief, root })
    const reading = expect(
      (async () => {
        for await (const batch of files.scan('')) if (batch.entries.length > 0) await brief.stop()
      })(),
    ).rejects.toMatchObject({ code: 'disk-failed' })
    await reading
  })
})
