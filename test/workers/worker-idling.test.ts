import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Logger } from '../../src/ports/logger.ts'
import { FileWorkerPool } from '../../src/workers/file-worker-pool.ts'
import { WorkerFileTasks } from '../../src/workers/worker-file-tasks.ts'

let root: string
let pool: FileWorkerPool
let tasks: WorkerFileTasks

async function open(options: ConstructorParameters<typeof FileWorkerPool>[0] = {}): Promise<void> {
  pool = new FileWorkerPool(options)
  await pool.start()
  tasks = new WorkerFileTasks({ pool, root })
}

beforeEach(() => {
  root = fs.mkdtempSync(join(tmpdir(), 'p2psync-idling-'))
})
afterEach(async () => {
  await pool.stop()
  fs.rmSync(root, { recursive: true })
})

const ready = (): boolean[] => pool.links.map((link) => link.isReady)
const running = (): boolean[] => pool.links.map((link) => link.isRunning)
const askThrice = () => Promise.all([1, 2, 3].map(() => tasks.freeBytes()))

async function bringTheSecond(): Promise<void> {
  await askThrice()
  await vi.waitFor(() => expect(ready()).toEqual([true, true]), { timeout: 20_000, interval: 5 })
}

describe('the threads of a FileWorkerPool', () => {
  it('are one while one thing is done after the other', async () => {
    await open()
    for (let i = 0; i < 3; i++) expect(await tasks.freeBytes()).toBeGreaterThan(0)
    expect(running()).toEqual([true, false])
  })

  it('are two when there is more to do, and nothing waits for the second', async () => {
    await open()
    expect(await askThrice()).toHaveLength(3)
    await bringTheSecond()
    expect(await tasks.freeBytes()).toBeGreaterThan(0)
  })

  it('are one again after a rest, and two again after that', async () => {
    await open()
    await bringTheSecond()
    pool.rest()
    expect(running()).toEqual([true, true])
    pool.rest()
    expect(running()).toEqual([true, false])
    await bringTheSecond()
  })

  it('do all that is asked of them while they come and go', async () => {
    await open()
    await bringTheSecond()
    const asked: Promise<number>[] = []
    for (let i = 0; i < 12; i++) {
      asked.push(tasks.freeBytes(), tasks.freeBytes())
      pool.rest()
      pool.rest()
      if (i % 4 === 3) await Promise.all(asked)
      pool.rest()
      pool.rest()
    }
    const sizes = await Promise.all(asked)
    expect(sizes.filter((bytes) => bytes > 0)).toHaveLength(24)
  })

  it('fail what is asked after the pool has stopped, with one that was let go just before', async () => {
    await open()
    await bringTheSecond()
    pool.rest()
    pool.rest()
    await pool.stop()
    expect(running()).toEqual([false, false])
    await expect(tasks.freeBytes()).rejects.toMatchObject({ code: 'disk-failed' })
  })

  it('are one where a second cannot start, which is tried once between two rests', async () => {
    const lines: string[] = []
    const logger = { error: (message: string) => void lines.push(message) } as unknown as Logger
    await open({ url: new URL('lone-worker.ts', import.meta.url), logger })
    const askTwice = () => Promise.all([tasks.readMarker(), tasks.readMarker()])
    await askTwice()
    await vi.waitFor(() => expect(lines).toEqual(['file worker died']), { timeout: 20_000, interval: 5 })
    expect(await askTwice()).toEqual([null, null])
    expect(running()).toEqual([true, false])
    pool.rest()
    expect(await askTwice()).toEqual([null, null])
    expect(running()).toEqual([true, true])
    await vi.waitFor(() => expect(lines).toHaveLength(2), { timeout: 20_000, interval: 5 })
  })

  it('go on after they have given back memory', async () => {
    await open()
    pool.rest()
    pool.rest()
    pool.rest()
    expect(await tasks.freeBytes()).toBeGreaterThan(0)
    expect(running()).toEqual([true, false])
  })
})
