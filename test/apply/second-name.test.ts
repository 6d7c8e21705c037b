import { describe, expect, it } from 'vitest'
import { discardStaged, finishStaged } from '../../src/apply/staging.ts'
import { encodeBlockList } from '../../src/blocks/block-list.ts'
import { checkDraft } from '../../src/blocks/check-draft.ts'
import { checkStaged } from '../../src/blocks/check-staged.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { stageBlocks } from '../../src/blocks/stage-blocks.ts'
import { draftNameFor, stagedNameFor } from '../../src/blocks/staged-name.ts'
import { Crash } from './hooked-disk.ts'
import { applyUnlessCrashed } from './scene.ts'
import { placeFile } from './steps.ts'
import { at, drain, worlds, type World } from './world.ts'

/** A kill right after a new file got its name leaves the staged one too: both are the user's file by then. */
const text = 'what a user has from here on'
const other = Buffer.from('what another version of this path holds')
const otherHash = hashBlock(other)
const list = encodeBlockList([{ hash: otherHash, length: other.length }])

describe.each(worlds)('a file that still has its staged name %s', (_name, makeWorld) => {
  it.each([
    ['begun anew', resume],
    ['gone on with as a draft', resumeDraft],
    ['written to as one of a resumable name', (world: World) => write(world, resumable, 0)],
    ['written to from its start', (world: World) => write(world, plain, 0)],
    ['written to further on', (world: World) => write(world, plain, 4)],
    ['finished', finish],
    ['discarded', (world: World) => drain(discardStaged(world.disk, world.root, [resumable, plain, draft]))],
  ])('is not touched when what is staged is %s', (_what, act) => {
    using world = makeWorld()
    const names = [resumable, plain, draft]
    for (const name of names) placeAndDie(world, name)
    const before = names.map((name) => world.state(name))
    try {
      act(world)
    } catch (error) {
      expect(error).toMatchObject({ code: 'EMLINK' })
    }
    for (const [i, name] of names.entries()) {
      const { mode, mtimeNs, inode } = before[i]!
      expect(world.state(name), name).toMatchObject({ mode, mtimeNs, inode })
      expect(world.read(name), name).toBe(text)
    }
  })

  it('is staged anew by the next try', () => {
    using world = makeWorld()
    placeAndDie(world, resumable)
    expect(resume(world)).toEqual(Uint8Array.of(0))
    expect(world.read(`.p2psync/staging/${resumable}`)).toBe('')
    write(world, resumable, 0)
    expect(finish(world)).toEqual([])
    expect(world.read(`.p2psync/staging/${resumable}`)).toBe(other.toString())
    expect(world.read(resumable)).toBe(text)
  })
})

const resumable = stagedNameFor(at('a'), otherHash)
const draft = draftNameFor(at('a'))
const plain = '0123456789abcdef01234567'

function placeAndDie(world: World, name: string): void {
  const step = placeFile(name, null, world.stage(name, text))
  let isLinked = false
  applyUnlessCrashed(world, [step], (operation) => {
    if (isLinked) throw new Crash()
    isLinked = operation === 'hardLink'
  })
  expect(world.state(name).inode).toBe(world.state(`.p2psync/staging/${name}`).inode)
}

function resume(world: World): Uint8Array {
  return drain(checkStaged(world.disk, world.root, resumable, list))
}

function resumeDraft(world: World): Uint8Array {
  world.disk.unlink(`${world.root}/.p2psync/staging/${resumable}`)
  const held = { staged: draft, held: Uint8Array.of(1) }
  return drain(checkDraft(world.disk, world.root, { staged: resumable, list, draft: held }))
}

function write(world: World, staged: string, offset: number): void {
  const block = { staged, offset, at: 0, length: other.length, hash: otherHash }
  drain(stageBlocks(world.disk, world.root, [block], other))
}

function finish(world: World): unknown {
  const file = { staged: resumable, sizeBytes: other.length, mtimeNs: 1_600_000_000_000_000_000n, executable: true }
  return drain(finishStaged(world.disk, world.root, [file]))
}
