import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { FileTasks, HashRequest } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { FileWorkerPool } from '../../src/workers/file-worker-pool.ts'
import { WorkerFileTasks } from '../../src/workers/worker-file-tasks.ts'

const mib = 1024 * 1024

describe('telling the blocks of a file while it is hashed', () => {
  let root: string
  let pool: FileWorkerPool

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'p2psync-telling-'))
    pool = new FileWorkerPool()
    await pool.start({ threads: 1 })
  })

  afterEach(async () => {
    await pool.stop()
    await rm(root, { recursive: true })
  })

  async function request(name: string, sizeBytes: number): Promise<HashRequest> {
    const bytes = Buffer.alloc(sizeBytes)
    for (let at = 0; at < sizeBytes; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at)
    await writeFile(join(root, name), bytes)
    const seen = await new DiskFileTasks({ disk: new NodeDisk(), root }).lstat([name as RelativePath])
    expect((await stat(join(root, name))).size).toBe(sizeBytes)
    return { path: name as RelativePath, disk: seen[0]!.disk! }
  }

  async function tell(tasks: FileTasks, files: readonly HashRequest[]) {
    const told: { path: string; blocks: Uint8Array; isEarly: boolean }[] = []
    let isHashed = false
    const telling = {
      sizeBytesMin: 4 * mib,
      partBytes: mib,
      onBlocks: (path: RelativePath, blocks: Uint8Array) => told.push({ path, blocks, isEarly: !isHashed }),
    }
    const results = await tasks.hash(files, telling)
    isHashed = true
    return { told, results }
  }

  it('gives what the block list begins with, in order, before the result, from a thread and without one', async () => {
    const files = [await request('large', 6 * mib), await request('small', 2 * mib)]
    for (const tasks of [new DiskFileTasks({ disk: new NodeDisk(), root }), new WorkerFileTasks({ pool, root })]) {
      const { told, results } = await tell(tasks, files)
      const large = results[0]
      if (large?.outcome !== 'hashed' || large.blockList === null) throw new Error('not hashed')
      const all = Buffer.concat(told.map((part) => part.blocks))
      expect(told.map(({ path, isEarly }) => `${path} ${isEarly}`)).toEqual(told.map(() => 'large true'))
      expect(told.length).toBeGreaterThanOrEqual(4)
      expect(all.equals(large.blockList.subarray(6, 6 + all.length))).toBe(true)
      expect(results[1]?.outcome).toBe('hashed')
      await tasks.close()
    }
  })
})
