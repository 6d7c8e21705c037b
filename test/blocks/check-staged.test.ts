import fc from 'fast-check'
import { lstatSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { finishStaged } from '../../src/apply/staging.ts'
import { BlockList, decodeBlockList } from '../../src/blocks/block-list.ts'
import { checkStaged } from '../../src/blocks/check-staged.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import { stageBlocks } from '../../src/blocks/stage-blocks.ts'
import { stagedNameFor } from '../../src/blocks/staged-name.ts'
import { zeroBlocks } from '../../src/blocks/zero-blocks.ts'
import type { Disk } from '../../src/ports/disk.ts'
import { diskError, hookedDisk } from '../apply/hooked-disk.ts'
import { at, drain, memoryWorld, worlds, type World } from '../apply/world.ts'
import { encodedListOf } from './list-of.ts'
import { pseudoRandom } from './pseudo-random.ts'

const kib = 1024
const content = pseudoRandom('content', 700 * kib)
const encoded = encodedListOf(content)
const list = decodeBlockList(encoded, content.length)
const all = new Uint8Array(list.count).fill(1)
const none = new Uint8Array(list.count)
const name = stagedNameFor(at('a'), hashBlock(encoded))

describe.each(worlds)('going on with a staged file %s', (_name, makeWorld) => {
  it('begins one where there is none', () => {
    using world = makeWorld()
    expect(check(world)).toEqual(none)
    expect(staged(world)).toEqual(Buffer.alloc(0))
    expect(state(world).mode).toBe(0o600)
  })

  it('finds the blocks that an earlier try has written', () => {
    using world = makeWorld()
    check(world)
    const wanted = Uint8Array.from(all, (_, i) => (i % 3 === 0 ? 1 : 0))
    fill(world, wanted)
    expect(check(world)).toEqual(wanted)
    fill(world, all)
    expect(check(world)).toEqual(all)
  })

  it('believes no block that was torn by a kill', () => {
    using world = makeWorld()
    for (const offset of [0, list.lengthAt(0) - 1, list.offsetAt(2) + 5]) {
      const torn = content.slice()
      torn[offset]! ^= 1
      put(world, torn)
      const expected = all.slice()
      for (let i = 0; i < list.count; i++) {
        if (list.offsetAt(i) <= offset && offset < list.offsetAt(i + 1)) expected[i] = 0
      }
      expect(check(world)).toEqual(expected)
    }
  })

  it('finds what a file that is too short or too long holds', () => {
    using world = makeWorld()
    put(world, content.subarray(0, list.offsetAt(2) + 1))
    expect(check(world)).toEqual(Uint8Array.from(all, (_, i) => (i < 2 ? 1 : 0)))
    put(world, Buffer.concat([content, Buffer.from('more')]))
    expect(check(world)).toEqual(all)
    expect(finish(world, content.length)).toEqual([])
    expect(staged(world).equals(content)).toBe(true)
  })

  it('takes a hole for nothing that was written', () => {
    using world = makeWorld()
    check(world)
    const last = Uint8Array.from(all, (_, i) => (i === list.count - 1 ? 1 : 0))
    fill(world, last)
    expect(check(world)).toEqual(last)
  })

  it('finds in another version of the file what is the same', () => {
    using world = makeWorld()
    put(world, Buffer.concat([content.subarray(0, list.offsetAt(3)), pseudoRandom('other', 500 * kib)]))
    expect(check(world)).toEqual(Uint8Array.from(all, (_, i) => (i < 3 ? 1 : 0)))
  })

  it('takes what is the same from what is staged of another version of the path', () => {
    using world = makeWorld()
    const older = stagedNameFor(at('a'), hashBlock(Uint8Array.of(1)))
    const old = content.subarray(0, list.offsetAt(5)).slice()
    old[list.offsetAt(2)]! ^= 1
    writeBytes(world.disk, `${world.root}/.p2psync/staging/${older}`, old)
    const expected = Uint8Array.from(all, (_, i) => (i < 5 && i !== 2 ? 1 : 0))
    expect(check(world)).toEqual(expected)
    // It holds them by itself.
    expect(readBytes(world.disk, `${world.root}/.p2psync/staging/${older}`).equals(old)).toBe(true)
    world.disk.unlink(`${world.root}/.p2psync/staging/${older}`)
    expect(check(world)).toEqual(expected)
  })

  it('takes nothing of another path, nor what cannot be read or leads elsewhere', () => {
    using world = makeWorld()
    const [otherPath, link] = [stagedNameFor(at('b'), hashBlock(encoded)), stagedNameFor(at('a'), hashBlock(content))]
    writeBytes(world.disk, `${world.root}/.p2psync/staging/${otherPath}`, content)
    writeBytes(world.disk, `${world.root}/precious`, content)
    world.link(`.p2psync/staging/${link}`, '../../precious')
    expect(check(world)).toEqual(none)
    world.disk.unlink(`${world.root}/.p2psync/staging/${link}`)
    writeBytes(world.disk, `${world.root}/.p2psync/staging/${link}`, content)
    const disk = hookedDisk(world.disk, (operation) => {
      if (operation === 'read') throw diskError('EIO')
    })
    expect(drain(checkStaged(disk, world.root, name, encoded))).toEqual(none)
    expect(check(world)).toEqual(all)
  })

  it('never follows a symlink in place of the file', () => {
    using world = makeWorld()
    writeBytes(world.disk, `${world.root}/precious`, content)
    world.link(`.p2psync/staging/${name}`, '../../precious')
    expect(check(world)).toEqual(none)
    expect(state(world).kind).toBe('file')
    fill(world, all)
    expect(readBytes(world.disk, `${world.root}/precious`).equals(content)).toBe(true)
  })

  it('leaves a folder in place of the file, and says so', () => {
    using world = makeWorld()
    world.folder(`.p2psync/staging/${name}/sub`)
    expect(() => check(world)).toThrow(expect.objectContaining({ code: 'EINVAL' }))
    expect(world.read(`.p2psync/staging/${name}/sub`)).toBe('/')
  })

  it('goes on with a file that may not be written', () => {
    using world = makeWorld()
    put(world, content.subarray(0, list.offsetAt(2)), 0o400)
    let isReadOnly = true
    const disk = hookedDisk(world.disk, (operation) => {
      if (operation === 'setPathMode') isReadOnly = false
      if (operation === 'openWrite' && isReadOnly) throw diskError('EACCES')
    })
    expect(drain(checkStaged(disk, world.root, name, encoded)).subarray(0, 3)).toEqual(Uint8Array.of(1, 1, 0))
    expect(state(world).mode).toBe(0o600)
  })

  it('takes what cannot be read for missing, and passes on that the disk is full', () => {
    using world = makeWorld()
    put(world, content)
    let count = 0
    const reading = hookedDisk(world.disk, (operation) => {
      if (operation === 'read' && count++ === 1) throw diskError('EIO')
    })
    expect(drain(checkStaged(reading, world.root, name, encoded))).toEqual(
      Uint8Array.from(all, (_, i) => (i === 1 ? 0 : 1)),
    )
    world.disk.unlink(`${world.root}/.p2psync/staging/${name}`)
    const creating = hookedDisk(world.disk, (operation) => {
      if (operation === 'create') throw diskError('ENOSPC')
    })
    expect(() => drain(checkStaged(creating, world.root, name, encoded))).toThrow(/ENOSPC/)
  })

  it('does not begin a file anew that vanished in the middle, since it held blocks', () => {
    using world = makeWorld()
    check(world)
    fill(world, all)
    world.disk.unlink(`${world.root}/.p2psync/staging/${name}`)
    expect(() => fill(world, all)).toThrow(expect.objectContaining({ code: 'ENOENT' }))
    expect(finish(world, content.length)).toEqual([{ staged: name, code: 'ENOENT' }])
  })

  it('makes zeros of a fresh file without writing them, its end too', () => {
    using world = makeWorld()
    const sparse = Buffer.concat([content, new Uint8Array(2048 * kib)])
    const encodedSparse = encodedListOf(sparse)
    const writes: string[] = []
    const disk = hookedDisk(world.disk, (operation) => void writes.push(operation))
    const held = drain(checkStaged(disk, world.root, name, encodedSparse))
    expect(writes).not.toContain('write')
    expect(held).toEqual(zeroBlocks(decodeBlockList(encodedSparse, sparse.length)))
    fill(world, held.map((flag) => 1 - flag), { bytes: sparse, encoded: encodedSparse }) // prettier-ignore
    expect(finish(world, sparse.length)).toEqual([])
    expect(staged(world).equals(sparse)).toBe(true)
  })
})

describe('a file with a hole', () => {
  it('takes no room on the disk where it is a hole', () => {
    using world = worlds[1]![1]()
    const sparse = Buffer.concat([content, new Uint8Array(8192 * kib)])
    const encodedSparse = encodedListOf(sparse)
    const held = drain(checkStaged(world.disk, world.root, name, encodedSparse))
    fill(world, held.map((flag) => 1 - flag), { bytes: sparse, encoded: encodedSparse }) // prettier-ignore
    expect(finish(world, sparse.length)).toEqual([])
    const { size, blocks } = lstatSync(`${world.root}/.p2psync/staging/${name}`)
    expect(size).toBe(sparse.length)
    expect(blocks * 512).toBeLessThan(content.length + 300 * kib)
  })
})

describe('whatever an earlier try has left', () => {
  it('becomes the file by writing what was said to be missing', () => {
    const anyPiece = fc.oneof(
      fc.record({ kind: fc.constant('zeros'), kib: fc.integer({ min: 1, max: 700 }) }),
      fc.record({ kind: fc.constant('bytes'), kib: fc.integer({ min: 1, max: 300 }) }),
    )
    const anyDamage = fc.record({ at: fc.nat(99), kib: fc.integer({ min: 0, max: 400 }), with: fc.constantFrom(0, 7) })
    const anyRemains = fc.record({
      pieces: fc.array(anyPiece, { minLength: 2, maxLength: 4 }),
      damage: fc.array(anyDamage, { maxLength: 3 }),
      percent: fc.integer({ min: 0, max: 120 }),
    })
    fc.assert(
      fc.property(anyRemains, ({ pieces, damage, percent }) => {
        const bytes = Buffer.concat(
          pieces.map((piece, i) =>
            piece.kind === 'zeros' ? new Uint8Array(piece.kib * kib) : pseudoRandom(`${i}`, piece.kib * kib),
          ),
        )
        const encodedList = encodedListOf(bytes)
        const remains = Buffer.alloc(Math.floor((bytes.length * percent) / 100), 1)
        bytes.copy(remains)
        for (const { at: place, kib: length, with: value } of damage) {
          const from = Math.floor((remains.length * place) / 100)
          remains.subarray(from, from + length * kib).fill(value)
        }
        const world = memoryWorld()
        put(world, remains)
        const held = drain(checkStaged(world.disk, world.root, name, encodedList))
        expect(held.map((flag, i) => (flag === 0 ? zeroBlocks(new BlockList(encodedList))[i]! : 0))).not.toContain(1)
        fill(world, held.map((flag) => 1 - flag), { bytes, encoded: encodedList }) // prettier-ignore
        expect(finish(world, bytes.length)).toEqual([])
        expect(staged(world).equals(bytes)).toBe(true)
        expect(world.disk.openHandles).toBe(0)
      }),
      { numRuns: 25 },
    )
  }, 60_000)

  it('is checked in slices', () => {
    const world = memoryWorld()
    put(world, new Uint8Array(24 * 1024 * kib))
    const job = checkStaged(world.disk, world.root, name, encodedListOf(new Uint8Array(24 * 1024 * kib)))
    let yields = 0
    while (job.next().done !== true) yields++
    expect(yields).toBeGreaterThanOrEqual(3)
  })
})

function check(world: World): Uint8Array {
  return drain(checkStaged(world.disk, world.root, name, encoded))
}

/** Writes the blocks for which `which` is 1, as if a peer had sent them. */
function fill(world: World, which: Uint8Array, file = { bytes: content, encoded }): void {
  const blocks = decodeBlockList(file.encoded, file.bytes.length)
  const wanted = Array.from({ length: blocks.count }, (_, i) => i).filter((i) => which[i] === 1)
  const parts = wanted.map((i) => {
    const [offset, length, hash] = [blocks.offsetAt(i), blocks.lengthAt(i), blocks.hashAt(i)]
    return { staged: name, offset, length, hash, at: offset }
  })
  expect(drain(stageBlocks(world.disk, world.root, parts, file.bytes))).not.toContain(false)
}

function finish(world: World, sizeBytes: number): unknown[] {
  const file = { staged: name, sizeBytes, mtimeNs: 1_700_000_000_000_000_000n, executable: false }
  return drain(finishStaged(world.disk, world.root, [file]))
}

function put(world: World, bytes: Uint8Array, mode = 0o600): void {
  writeBytes(world.disk, `${world.root}/.p2psync/staging/${name}`, bytes, mode)
}

function staged(world: World): Buffer {
  return readBytes(world.disk, `${world.root}/.p2psync/staging/${name}`)
}

function state(world: World): ReturnType<World['state']> {
  return world.state(`.p2psync/staging/${name}`)
}

function writeBytes(disk: Disk, path: string, bytes: Uint8Array, mode = 0o600): void {
  const handle = disk.lstat(path) === null ? disk.create(path, 0o600) : disk.openWrite(path)
  disk.truncate(handle, 0)
  disk.write(handle, bytes, 0)
  disk.setMode(handle, mode)
  disk.close(handle)
}

function readBytes(disk: Disk, path: string): Buffer {
  const handle = disk.openRead(path)
  const entry = disk.fstat(handle)
  const bytes = Buffer.alloc(entry.kind === 'file' ? entry.sizeBytes : 0)
  disk.read(handle, bytes, 0)
  disk.close(handle)
  return bytes
}
