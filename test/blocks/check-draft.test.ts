import { beforeEach, describe, expect, it } from 'vitest'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { draftNameFor, stagedNameFor } from '../../src/blocks/staged-name.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

const root = '/home/folder'
const path = 'film' as RelativePath
const parts = ['first', 'second', 'third'].map((text) => Buffer.from(text.repeat(20_000)))
const list = encodeBlockList(parts.map((part) => ({ hash: hashBlock(part), length: part.length })))
const draft = draftNameFor(path)
const staged = stagedNameFor(path, hashBlock(list))

describe('a draft that becomes the staged file', () => {
  let disk: MemoryDisk
  let tasks: DiskFileTasks

  beforeEach(async () => {
    disk = new MemoryDisk()
    disk.makeFolders(root)
    tasks = new DiskFileTasks({ disk, root })
    await tasks.prepareRoot({ folder: 'ab'.repeat(32), nonce: '00'.repeat(16) })
  })

  async function stageDraft(name = draft): Promise<void> {
    await tasks.checkStaged(name, list)
    const hash = hashBlock(parts[0]!)
    const block = { staged: name, offset: 0, length: parts[0]!.length, hash, at: 0 }
    await tasks.stageBlocks([block], new Uint8Array(parts[0]!))
  }

  const names = async () => (await tasks.listStaged()).map((entry) => entry.staged)

  it('takes its place, and what this process wrote is not read again', async () => {
    await stageDraft()
    let readBytes = 0
    disk.onCall = (operation) => {
      if (operation === 'read') readBytes++
    }
    const held = await tasks.checkStaged(staged, list, { staged: draft, held: Uint8Array.of(1, 0, 0) })
    disk.onCall = undefined
    expect({ held, readBytes, names: await names() }).toEqual({
      held: Uint8Array.of(1, 0, 0),
      readBytes: 0,
      names: [staged],
    })
  })

  it('is read and hashed when nobody remembers what it holds', async () => {
    await stageDraft()
    const held = await tasks.checkStaged(staged, list, { staged: draft, held: new Uint8Array(3) })
    expect(held).toEqual(Uint8Array.of(1, 0, 0))
  })

  it('is not believed beyond its end', async () => {
    await stageDraft()
    const held = await tasks.checkStaged(staged, list, { staged: draft, held: Uint8Array.of(1, 1, 1) })
    expect(held).toEqual(Uint8Array.of(1, 0, 0))
  })

  it('gives way to what was staged for that very content', async () => {
    await stageDraft(staged)
    await stageDraft()
    const held = await tasks.checkStaged(staged, list, { staged: draft, held: Uint8Array.of(0, 1, 1) })
    expect({ held, names: await names() }).toEqual({ held: Uint8Array.of(1, 0, 0), names: [staged] })
  })

  it('changes nothing where there is none', async () => {
    const held = await tasks.checkStaged(staged, list, { staged: draft, held: Uint8Array.of(1, 1, 1) })
    expect({ held, names: await names() }).toEqual({ held: new Uint8Array(3), names: [staged] })
  })
})
