import { describe, expect, it } from 'vitest'
import { decodeBlockList } from '../../src/blocks/block-list.ts'
import { checkStaged, stageCopy } from '../../src/blocks/check-staged.ts'
import { stagedNameFor } from '../../src/blocks/staged-name.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { isZeros } from '../../src/blocks/zero-blocks.ts'
import { diskError, hookedDisk } from '../apply/hooked-disk.ts'
import { at, drain, memoryWorld, worlds } from '../apply/world.ts'
import { encodedListOf } from './list-of.ts'
import { pseudoRandom } from './pseudo-random.ts'

const old = pseudoRandom('old', 900_000)
const changed = old.slice()
changed[450_000]! ^= 1
const encoded = encodedListOf(changed)
const list = decodeBlockList(encoded, changed.length)
const name = stagedNameFor(at('a'), hashBlock(encoded))
const allButOne = Uint8Array.from({ length: list.count }, (_, i) =>
  list.offsetAt(i) <= 450_000 && 450_000 < list.offsetAt(i + 1) ? 0 : 1,
)

type Memory = ReturnType<typeof memoryWorld>

describe('copying by the system', () => {
  it('holds all but what has changed', () => {
    const world = withSource(old)
    expect(copy(world)).toEqual(allButOne)
    expect(staged(world).equals(old)).toBe(true)
    expect(readSource(world).equals(old)).toBe(true)
    expect(world.disk.openHandles).toBe(0)
  })

  it('takes the place of what was staged, and of what a kill left of a copy', () => {
    const world = withSource(old)
    drain(checkStaged(world.disk, world.root, name, encoded))
    world.stage(`${name}-copy`, 'half')
    expect(copy(world)).toEqual(allButOne)
    expect(Object.keys(world.tree('.p2psync/staging'))).toEqual([name])
  })

  it('can be written to, whatever mode the source has, and the source stays as it is', () => {
    const world = withSource(old, 0o444)
    expect(copy(world)).toEqual(allButOne)
    expect(world.state(`.p2psync/staging/${name}`).mode).toBe(0o600)
    expect(world.state('sub/a').mode).toBe(0o444)
  })

  it('finds what a source that is shorter or longer holds', () => {
    const world = withSource(old.subarray(0, list.offsetAt(2) + 10))
    expect(copy(world)).toEqual(allButOne.map((_, i) => (i < 2 ? 1 : 0)))
    world.disk.writeFile(`${world.root}/sub/a`, Buffer.concat([old, old]))
    expect(copy(world)).toEqual(allButOne)
  })

  it('makes the zeros of the new version where the old one has other bytes', () => {
    const world = withSource(old)
    const holed = Buffer.concat([old, new Uint8Array(600_000)])
    holed.fill(0, 100_000)
    const encodedHoled = encodedListOf(holed)
    const held = drain(stageCopy(world.disk, world.root, { source: at('sub/a'), staged: name, list: encodedHoled }))!
    const blocks = decodeBlockList(encodedHoled, holed.length)
    expect([...held].filter((flag) => flag === 1).length).toBeGreaterThanOrEqual(4)
    for (let i = 0; i < blocks.count; i++) {
      if (held[i] === 0) continue
      const bytes = staged(world).subarray(blocks.offsetAt(i), blocks.offsetAt(i + 1))
      expect(hashBlock(bytes)).toBe(blocks.hashAt(i))
    }
    expect(isZeros(staged(world).subarray(-256_000))).toBe(true)
  })

  it('changes nothing where the file system cannot, or the source is gone or lies behind a symlink', () => {
    const world = withSource(old)
    world.stage(name, 'what was there')
    world.link('link', 'sub')
    world.link('sub/b', 'a')
    for (const source of ['sub/none', 'sub', 'link/a', 'sub/b']) expect(copy(world, source), source).toBe(null)
    const without = hookedDisk(world.disk, (operation) => {
      if (operation === 'cloneFile') throw diskError('ENOSPC')
    })
    const order = { source: at('sub/a'), staged: name, list: encoded }
    expect(drain(stageCopy(without, world.root, order))).toBe(null)
    expect(world.tree('.p2psync/staging')).toEqual({ [name]: 'what was there' })
    const plain = withSource(old, 0o644, { canClone: false })
    expect(copy(plain)).toBe(null)
    expect(plain.tree('.p2psync/staging')).toEqual({})
  })

  it('shares bytes or does nothing by system calls', () => {
    using world = worlds[1]![1]()
    world.write('a', 'x'.repeat(100_000))
    const encodedList = encodedListOf(Buffer.alloc(100_000, 'x'))
    const order = { source: at('a'), staged: name, list: encodedList }
    const held = drain(stageCopy(world.disk, world.root, order))
    if (held === null) expect(world.tree('.p2psync/staging')).toEqual({})
    else expect(held).toEqual(new Uint8Array(held.length).fill(1))
  })
})

function withSource(bytes: Uint8Array, mode = 0o644, options: Parameters<typeof memoryWorld>[0] = {}): Memory {
  const world = memoryWorld(options)
  world.disk.writeFile(`${world.root}/sub/a`, bytes, { mode })
  return world
}

function copy(world: Memory, source = 'sub/a'): Uint8Array | null {
  return drain(stageCopy(world.disk, world.root, { source: at(source), staged: name, list: encoded }))
}

function staged(world: Memory): Buffer {
  return Buffer.from(world.disk.readFile(`${world.root}/.p2psync/staging/${name}`))
}

function readSource(world: Memory): Buffer {
  return Buffer.from(world.disk.readFile(`${world.root}/sub/a`))
}
