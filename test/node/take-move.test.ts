import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { FolderMove } from '../../src/model/folder-move.ts'
import { counterMax } from '../../src/model/limits.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { deriveRemoval } from '../../src/node/derive-removal.ts'
import { deriveMove } from '../../src/reconcile/derive-move.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'
import { writerOf } from './sample-record.ts'

describe('a move that a peer tells', () => {
  let world: ReplicaWorld
  let device: WorldDevice
  let move: FolderMove

  beforeEach(async () => {
    world = new ReplicaWorld()
    device = await world.add('alpha')
    for (const path of ['d/one', 'd/sub/two', 'file', 'other/x']) device.write(path, path)
    await world.rest()
    await world.clock.pass(1000)
    move = await honest('d', 'e')
  })

  afterEach(() => world.stop())

  it('is made, and its records are those that whoever told it has', async () => {
    expect(await take(move)).toBe(true)
    expect([...device.tree().keys()]).toEqual(['e', 'e/one', 'e/sub', 'e/sub/two', 'file', 'other', 'other/x'])
    const rows = await device.replica.index.getMany(['d/one', 'e/one'].map(parseRelativePath))
    const by = { writer: move.writer, writerName: 'peer' }
    expect(rows.map((row) => row?.record)).toEqual([
      expect.objectContaining({ ...by, kind: 'tombstone', mtimeNs: BigInt(move.movedAtMs) * 1_000_000n }),
      expect.objectContaining({ ...by, kind: 'file', version: [[move.writer, move.counter]] }),
    ])
  })

  it('is a removal when it says nowhere to: its records are tombstones, and history has the folder', async () => {
    expect(await take(await honest('d', null))).toBe(true)
    expect([...device.tree().keys()]).toEqual(['file', 'other', 'other/x'])
    const rows = await device.replica.index.getMany(['d', 'd/sub/two'].map(parseRelativePath))
    const fields = { kind: 'tombstone', writer: move.writer, mtimeNs: BigInt(move.movedAtMs) * 1_000_000n }
    expect(rows).toMatchObject([{ record: fields }, { record: fields }])
    const kept = [...device.disk.tree('/home/folder/.p2psync/history').values()].map(({ content }) => content)
    expect(kept).toEqual(expect.arrayContaining(['d/one', 'd/sub/two']))
  })

  it('leaves the same records in the same order as any device derives, when it is a removal', async () => {
    const removal = await honest('d', null)
    const moved = (await device.replica.index.movedRows(removal))!
    const changes = await deriveRemoval(removal, moved)
    expect(changes).toEqual(deriveMove(removal, moved.rows))
    expect(changes?.map(({ record }) => record.path)).toEqual(['d/sub/two', 'd/sub', 'd/one', 'd'])
  })

  it('is made once when several peers tell it at once, and all are told that it is', async () => {
    expect(await Promise.all([take(move), take(move), take(move)])).toEqual([true, true, true])
    expect(device.replica.index.moveAfter(device.replica.index.seq - 8)?.move).toEqual(move)
  })

  it('is known for ever, though the folder has moved on', async () => {
    await take(move)
    device.rename('e', 'f')
    await world.rest()
    expect(await take(move)).toBe(true)
    expect(device.tree().has('f/one')).toBe(true)
  })

  it('is another one when a forgotten life of its writer used the same counter', async () => {
    await take(move)
    expect(await take({ ...(await honest('e', 'f')), counter: move.counter })).toBe(false)
    const again = { ...(await honest('other', 'd')), counter: move.counter }
    expect(await take({ ...again, from: move.from })).toBe(false)
  })

  it.each<[string, () => Partial<FolderMove> | Promise<Partial<FolderMove>>]>([
    ['from a path where nothing is', () => ({ from: at('nothing') })],
    ['of a file', () => ({ from: at('file') })],
    ['to a path where something is', () => honest('d', 'other')],
    ['to below what is a file', () => ({ to: at('file/d') })],
    ['to below what is not there', () => ({ to: at('missing/d') })],
    ['into itself', () => ({ to: at('d/e') })],
    ['to a folder that it is in', () => ({ from: at('d/sub'), to: at('d') })],
    ['to where it is', () => ({ to: at('d') })],
    ['of other records', () => ({ before: new Uint8Array(32) })],
    ['of a digest that is too short', () => ({ before: move.before.subarray(1) })],
    ['by ourselves, which we have forgotten', () => ({ writer: device.replica.index.writer, counter: 1000 })],
    ['to nowhere, from where nothing is', () => ({ from: at('nothing'), to: null })],
    ['to nowhere, of a file', () => ({ from: at('file'), to: null })],
    ['to nowhere, of other records', () => ({ to: null, before: new Uint8Array(32) })],
    [
      'to nowhere, with a counter that its writer has used',
      async () => (await take(move), { ...(await honest('e', null)), counter: 5 }),
    ],
    [
      'with a counter that its writer has used',
      async () => (await take(move), { ...(await honest('e', 'f')), counter: 5 }),
    ],
  ])('is not made %s, and nothing changes', async (_, fields) => {
    const bad = { ...move, ...(await fields()) }
    const { index } = device.replica
    const before = [index.seq, device.tree(), index.summary]
    expect(await take(bad)).toBe(false)
    expect([index.seq, device.tree(), index.summary]).toEqual(before)
  })

  it('may bear any counter and any time that can be told', async () => {
    const ms = 2 ** 52 - 1
    expect(await take({ ...move, counter: counterMax, movedAtMs: -ms })).toBe(true)
    expect(await take({ ...(await honest('e', 'f')), writer: writerOf(8), movedAtMs: ms })).toBe(true)
    device.write('f/one', 'edited')
    device.rename('f', 'g')
    await world.rest()
    expect(device.tree().get('g/one')).toBe('file edited')
  })

  it('is not made while the folder is away', async () => {
    device.disk.quietly(() => device.disk.unlink('/home/folder/.p2psync/folder.json'))
    expect(await take(move)).toBe(false)
    expect(device.tree().has('d')).toBe(true)
  })

  async function honest(from: string, to: string | null): Promise<FolderMove> {
    const paths = { from: at(from), to: to === null ? null : at(to) }
    const rows = await device.replica.index.movedRows(paths)
    const before = rows?.before ?? new Uint8Array(32)
    return { ...paths, writer: writerOf(7), writerName: 'peer', counter: 5, movedAtMs: 1_767_225_600_000, before }
  }

  async function take(told: FolderMove): Promise<boolean> {
    let taken: boolean | null = null
    const done = device.replica.takeMove(told).then((result) => (taken = result))
    await world.clock.run(() => taken !== null, 120_000)
    return done
  }
})

function at(path: string): RelativePath {
  return parseRelativePath(path)
}
