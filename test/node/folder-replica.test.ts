import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

describe('two replicas in one process', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  it('brings files, folders, links and executables to the other side', async () => {
    a.write('notes.txt', 'hello')
    a.write('empty', '')
    a.write('bin/run', '#!/bin/sh', { mode: 0o755 })
    a.makeFolder('empty folder')
    a.link('link', 'notes.txt')
    const tree = await world.rest()
    expect(Object.fromEntries(tree)).toEqual({
      'notes.txt': 'file hello',
      empty: 'file ',
      bin: 'folder ',
      'bin/run': 'file #!/bin/sh executable',
      'empty folder': 'folder ',
      link: 'symlink notes.txt',
    })
  })

  it('brings a file of many blocks and only changed blocks after an edit', async () => {
    const body = Array.from({ length: 60_000 }, (_, i) => `line ${i} ${(i * 2654435761) % 4294967296}\n`).join('')
    a.write('big.txt', body)
    await world.rest()
    const before = world.network.bytesSent
    a.write('big.txt', `!${body}`)
    const tree = await world.rest()
    expect(tree.get('big.txt')).toBe(`file !${body}`)
    expect(world.network.bytesSent - before).toBeLessThan(body.length / 4)
  })

  it('carries edits both ways, deletions and renames', async () => {
    a.write('one', '1')
    a.write('d/two', '2')
    await world.rest()
    b.write('one', '1b')
    await world.rest()
    b.remove('one')
    a.rename('d', 'moved')
    const tree = await world.rest()
    expect([...tree.keys()]).toEqual(['moved', 'moved/two'])
  })

  it('turns a file into a folder and back', async () => {
    a.write('x', 'file')
    await world.rest()
    a.remove('x')
    a.write('x/inside', 'deep')
    expect([...(await world.rest()).keys()]).toEqual(['x', 'x/inside'])
    b.remove('x')
    b.write('x', 'file again')
    expect(Object.fromEntries(await world.rest())).toEqual({ x: 'file file again' })
  })

  it('keeps the loser of a conflict as one copy, alike on both sides', async () => {
    a.write('doc.txt', 'base')
    await world.rest()
    world.network.partition(a.id, b.id)
    a.write('doc.txt', 'from alpha', { mtimeMs: Date.UTC(2026, 4, 1) })
    b.write('doc.txt', 'from beta', { mtimeMs: Date.UTC(2026, 4, 2) })
    await world.settle(a, b)
    world.network.heal()
    const tree = await world.rest()
    expect([...tree.values()].sort()).toEqual(['file from alpha', 'file from beta'])
    expect(tree.get('doc.txt')).toBe('file from beta')
    expect([...tree.keys()][0]).toMatch(/^doc \(alpha's conflicted copy 2026-05-01 [0-9a-f]{8}\)\.txt$/)
  })

  it('lets an edit win over a deletion', async () => {
    a.write('doc.txt', 'base')
    await world.rest()
    world.network.partition(a.id, b.id)
    a.remove('doc.txt')
    b.write('doc.txt', 'edited')
    await world.settle(a, b)
    world.network.heal()
    expect(Object.fromEntries(await world.rest())).toEqual({ 'doc.txt': 'file edited' })
  })

  it('keeps a folder that was deleted on one side while the other put a file into it', async () => {
    a.write('d/old', 'old')
    await world.rest()
    world.network.partition(a.id, b.id)
    a.remove('d')
    b.write('d/new', 'new')
    await world.settle(a, b)
    world.network.heal()
    expect(Object.fromEntries(await world.rest())).toEqual({ d: 'folder ', 'd/new': 'file new' })
  })

  it('makes no copy when both sides have the same content', async () => {
    world.network.partition(a.id, b.id)
    a.write('same', 'content')
    b.write('same', 'content')
    await world.settle(a, b)
    world.network.heal()
    expect(Object.fromEntries(await world.rest())).toEqual({ same: 'file content' })
  })

  it('takes in what happened while a replica was stopped', async () => {
    a.write('one', '1')
    a.write('two', '2')
    await world.rest()
    await b.stop()
    a.write('three', '3')
    a.remove('one')
    b.write('two', 'changed while off')
    await world.settle(a)
    await b.start()
    expect(Object.fromEntries(await world.rest())).toEqual({ three: 'file 3', two: 'file changed while off' })
  })
})
