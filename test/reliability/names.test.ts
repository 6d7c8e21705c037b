import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { placeFile } from '../apply/steps.ts'
import { summary, worlds } from '../apply/world.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import { ReplicaWorld, type WorldDevice } from '../node/replica-world.ts'

const root = '/home/folder'

/** Names and kinds of files that are hard on a sync program. Those that older tests cover are in docs/reliability.md. */
describe('hazards of names and kinds', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
    await world.clock.pass(1000)
  })

  afterEach(() => world.stop())

  it('a name that is not UTF-8 is told, never deleted, and keeps the folder that it is in', async () => {
    a.write('d/one', 'one')
    await world.rest()
    b.disk.addUndecodableName(`${root}/d`)
    b.overflow()
    await world.clock.pass(1000)
    expect(b.replica.view.status().problems.length).toBe(1)
    a.remove('d')
    await world.clock.pass(60_000)
    expect(b.disk.quietly(() => b.disk.lstat(`${root}/d`))?.kind).toBe('folder')
  })

  it('names that Windows cannot hold travel as they are', async () => {
    const names = ['CON', 'a:b', 'dot.', 'space ', 'q?*', 'nul.txt', 'back\\slash']
    for (const name of names) a.write(name, name)
    const tree = await world.rest()
    expect(Object.fromEntries(tree)).toEqual(Object.fromEntries(names.map((name) => [name, `file ${name}`])))
  })

  it('a save by rename, as editors do it, is one change and no deletion', async () => {
    a.write('doc', 'one')
    await world.rest()
    const { seq } = a.replica.index
    const kinds: string[] = []
    b.disk.onCall = (operation, path) => {
      if (operation === 'unlink' && path === `${root}/doc`) kinds.push(operation)
    }
    a.save('doc', 'two')
    expect([...(await world.rest())]).toEqual([['doc', 'file two']])
    const row = await a.replica.index.get('doc' as RelativePath)
    expect([a.replica.index.seq - seq, row?.record.version.length, kinds]).toEqual([1, 1, []])
  })

  it('a folder that was deleted elsewhere stays while a file is in it that nobody has seen, and so does that file', async () => {
    a.write('d/one', 'one')
    await world.rest()
    b.isDeaf = true
    b.write('d/unseen', 'precious')
    b.makeOther('d/pipe')
    a.remove('d')
    await world.clock.run(() => !b.tree().has('d/one'), 60_000)
    expect(b.tree().get('d/unseen')).toBe('file precious')
    b.isDeaf = false
    b.overflow()
    await world.clock.pass(60_000)
    expect([a.tree().get('d/unseen'), b.tree().get('d/pipe')]).toEqual(['file precious', 'other '])
  })

  it('a file that becomes a folder, and a folder that becomes a file, are in history first', async () => {
    a.write('x', 'was a file')
    a.write('d/inside', 'was in a folder')
    await world.rest()
    a.remove('x')
    a.write('x/inside', 'new')
    a.remove('d')
    a.write('d', 'now a file')
    const tree = await world.rest()
    expect([tree.get('x/inside'), tree.get('d')]).toEqual(['file new', 'file now a file'])
    expect([...b.history().values()]).toEqual(expect.arrayContaining(['file was a file', 'file was in a folder']))
  })

  it('a symlink is carried as text: what it points to is neither read nor changed', async () => {
    a.write('target', 'text')
    a.link('d/link', '../target')
    a.link('nowhere', 'missing')
    await world.rest()
    b.write('target', 'edited')
    b.remove('d/link')
    expect(Object.fromEntries(await world.rest())).toEqual({
      d: 'folder ',
      nowhere: 'symlink missing',
      target: 'file edited',
    })
  })
})

describe.each(worlds)('hazards on the way to the disk %s', (_name, makeWorld) => {
  it('a hard link is broken when its file is replaced: its other name keeps the old bytes', () => {
    using world = makeWorld()
    world.write('doc', 'old')
    world.disk.hardLink(`${world.root}/doc`, `${world.outside}/other name`)
    const results = world.apply([placeFile('doc', world.state('doc'), world.stage('s', 'new'))])
    expect(results.map(summary)).toEqual(['done'])
    expect([world.read('doc'), world.outsideTree()]).toEqual(['new', { 'other name': 'old' }])
  })

  it('a name of 256 bytes is an error of that path alone, and leaves nothing behind', () => {
    using world = makeWorld()
    const long = 'n'.repeat(256)
    const steps = [placeFile(long, null, world.stage('s1', 'x')), placeFile('short', null, world.stage('s2', 'y'))]
    const [first, second] = world.apply(steps)
    expect([first!.outcome === 'done', summary(second!)]).toEqual([false, 'done'])
    expect(world.visible()).toEqual({ short: 'y' })
  })
})
