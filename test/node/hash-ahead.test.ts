import { describe, expect, it } from 'vitest'
import { hashBlock } from '../../src/blocks/hash.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { hashAhead, type HashedEntries } from '../../src/node/hash-ahead.ts'
import { LocalDrafts } from '../../src/node/local-drafts.ts'
import type { HashRequest, HashResult, ScanEntry } from '../../src/ports/file-tasks.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

/** Hashes when it is told to: what a worker has in hand stays there until then. */
class HandHasher {
  readonly asked: (readonly HashRequest[])[] = []
  readonly #answers: (() => void)[] = []
  /** Answers at once. */
  isPrompt = false
  failsAt: string | null = null
  pending = 0
  pendingMost = 0

  async hash(files: readonly HashRequest[]): Promise<readonly HashResult[]> {
    this.asked.push(files)
    this.pendingMost = Math.max(this.pendingMost, ++this.pending)
    if (!this.isPrompt) await new Promise<void>((resolve) => this.#answers.push(resolve))
    this.pending--
    if (files.some(({ path }) => path === this.failsAt)) throw new P2psyncError('disk-failed', 'the thread ended')
    return files.map(({ path, disk }) => ({ outcome: 'hashed', path, disk, content: contentOf(path), blockList: null }))
  }

  /** Finishes the group that was asked for as number `index` of those that are not finished. */
  async answer(index = 0): Promise<void> {
    this.#answers.splice(index, 1)[0]!()
    await settle()
  }
}

const contentOf = (path: string) => hashBlock(Buffer.from(path))
const settle = () => new Promise((resolve) => setImmediate(resolve))

function entry(path: string, kind: 'file' | 'folder' = 'file'): ScanEntry {
  const disk = { kind, sizeBytes: 4096, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, mode: 0o644 }
  return { path: path as RelativePath, disk, linkTarget: '' }
}

function batch(name: string, count: number): ScanEntry[] {
  return Array.from({ length: count }, (_, i) => entry(`${name}/${i}`))
}

/** Hands out batches and notes how far it was drawn from. */
class Source {
  drawn = 0
  hasEnded = false
  readonly #batches: readonly (readonly ScanEntry[])[]

  constructor(batches: readonly (readonly ScanEntry[])[]) {
    this.#batches = batches
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<readonly ScanEntry[]> {
    try {
      for (const each of this.#batches) {
        this.drawn++
        yield each
      }
    } finally {
      this.hasEnded = true
    }
  }
}

function start(source: AsyncIterable<readonly ScanEntry[]>, tasks: HandHasher, stopping = new AbortController()) {
  let now = 1000
  const index = { getMany: () => Promise.resolve([]), blockList: () => Promise.resolve(null) }
  const drafts = { local: new LocalDrafts({ index, random: new SeededRandom(1), onChange: () => undefined }) }
  return hashAhead(source, { index, tasks, clock: { now: () => now++ }, drafts, signal: stopping.signal })
}

const pathsOf = (ready: HashedEntries) => ready.entries.map(({ path }) => path)

describe('hashAhead', () => {
  it('gives out all entries in order, each file with its hash, whatever the order of the answers', async () => {
    const tasks = new HandHasher()
    const batches = [batch('a', 700), [entry('b', 'folder'), entry('b/c')], batch('c', 3)]
    const line = start(new Source(batches), tasks)
    const first = line.next()
    await settle()
    for (const index of [3, 2, 1, 0]) await tasks.answer(index)
    const found: HashedEntries[] = [(await first).value as HashedEntries]
    for await (const ready of line) found.push(ready)
    expect(found.flatMap(pathsOf)).toEqual(batches.flat().map(({ path }) => path))
    const hashes = new Map(found.flatMap((ready) => [...ready.hashes]))
    for (const { path, disk } of batches.flat()) {
      const result = hashes.get(path)
      if (disk.kind === 'folder') expect(result).toBeUndefined()
      else expect(result).toMatchObject({ outcome: 'hashed', content: contentOf(path) })
    }
  })

  it('goes on finding and hashing while what was found first is committed', async () => {
    const tasks = new HandHasher()
    tasks.isPrompt = true
    const source = new Source([batch('a', 10), batch('b', 10), batch('c', 10)])
    const line = start(source, tasks)
    const first = await line.next()
    expect(pathsOf(first.value as HashedEntries)[0]).toBe('a/0')
    await settle()
    expect(source.drawn).toBe(3)
    expect(tasks.asked.flat().length).toBe(30)
    await line.return()
  })

  it('gives out a single batch alone and at once', async () => {
    const tasks = new HandHasher()
    tasks.isPrompt = true
    const rest = Promise.withResolvers<void>()
    async function* slowly(): AsyncGenerator<readonly ScanEntry[]> {
      yield [entry('saved')]
      await rest.promise
    }
    const line = start(slowly(), tasks)
    expect(pathsOf((await line.next()).value as HashedEntries)).toEqual(['saved'])
    rest.resolve()
    expect((await line.next()).done).toBe(true)
  })

  it('gives out together what became ready meanwhile, up to a bound', async () => {
    const tasks = new HandHasher()
    tasks.isPrompt = true
    const line = start(new Source(Array.from({ length: 10 }, (_, i) => batch(`b${i}`, 200))), tasks)
    const sizes: number[] = []
    for await (const ready of line) {
      sizes.push(ready.entries.length)
      for (let i = 0; i < 50; i++) await settle()
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(2000)
    expect(Math.max(...sizes)).toBe(400)
  })

  it('holds a bounded number of entries and asks for a bounded number of groups', async () => {
    const tasks = new HandHasher()
    const source = new Source(Array.from({ length: 100 }, (_, i) => [...batch(`b${i}`, 1), ...folders(`b${i}`, 999)]))
    const line = start(source, tasks)
    const first = line.next()
    for (let i = 0; i < 50; i++) await settle()
    expect(tasks.pendingMost).toBe(4)
    tasks.isPrompt = true
    while (tasks.pending > 0) await tasks.answer()
    await first
    for (let i = 0; i < 200; i++) await settle()
    // What was given out, what waits, and the batch that was in hand when the line was full.
    expect(source.drawn).toBeLessThanOrEqual(2 + 8 + 1)
    await line.return()
  })

  it('gives no later time of hashing than any of its files has', async () => {
    const tasks = new HandHasher()
    const line = start(new Source([batch('a', 1), batch('b', 1)]), tasks)
    const first = line.next()
    await settle()
    await tasks.answer(1)
    await tasks.answer(0)
    const { value } = await first
    expect(value).toMatchObject({ entries: [{ path: 'a/0' }, { path: 'b/0' }], hashedAt: 1000 })
    await line.return()
  })

  it('throws what a hash threw, after all that came before it', async () => {
    const tasks = new HandHasher()
    tasks.isPrompt = true
    tasks.failsAt = 'b/0'
    const source = new Source([batch('a', 1), batch('b', 1), batch('c', 1)])
    const line = start(source, tasks)
    expect(pathsOf((await line.next()).value as HashedEntries)).toEqual(['a/0'])
    await expect(line.next()).rejects.toMatchObject({ code: 'disk-failed' })
    expect((await line.next()).done).toBe(true)
    expect(source.hasEnded).toBe(true)
  })

  it('throws what the search threw, after all that came before it', async () => {
    const tasks = new HandHasher()
    tasks.isPrompt = true
    async function* failing(): AsyncGenerator<readonly ScanEntry[]> {
      yield [entry('a')]
      throw new P2psyncError('index-failed', 'the index could not be read')
    }
    const line = start(failing(), tasks)
    expect(pathsOf((await line.next()).value as HashedEntries)).toEqual(['a'])
    await expect(line.next()).rejects.toMatchObject({ code: 'index-failed' })
  })

  it('ends the search and waits for what is being hashed when nobody wants any more', async () => {
    const tasks = new HandHasher()
    const source = new Source([[entry('folder', 'folder')], batch('a', 1), batch('b', 1)])
    const line = start(source, tasks)
    await line.next()
    let hasEnded = false
    const ended = line.return().then(() => (hasEnded = true))
    await settle()
    expect([hasEnded, tasks.pending > 0]).toEqual([false, true])
    while (tasks.pending > 0) await tasks.answer()
    await ended
    expect(source.hasEnded).toBe(true)
  })

  it('gives out nothing more once it is told to stop', async () => {
    const tasks = new HandHasher()
    const stopping = new AbortController()
    const line = start(new Source([batch('a', 1), batch('b', 1)]), tasks, stopping)
    const first = line.next()
    await settle()
    stopping.abort()
    while (tasks.pending > 0) await tasks.answer()
    expect((await first).done).toBe(true)
  })
})

function folders(name: string, count: number): ScanEntry[] {
  return Array.from({ length: count }, (_, i) => entry(`${name}/f${i}`, 'folder'))
}
