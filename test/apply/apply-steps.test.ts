import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { diskError, failAt, type DiskHook } from './hooked-disk.ts'
import { makeFolder, placeFile, placeLink, remove, removeFolder, setMetadata } from './steps.ts'
import { at, summary, worlds, type World } from './world.ts'

describe.each(worlds)('applySteps %s', (_name, makeWorld) => {
  it('does nothing where the disk is not as expected', () => {
    using world = makeWorld()
    const gone = world.write('gone', '')
    world.disk.unlink(`${world.root}/gone`)
    const old = world.write('edited', 'old')
    world.write('edited', 'edit')
    const linked = world.write('linked', 'l')
    world.disk.hardLink(`${world.root}/linked`, `${world.root}/second`)
    const folder = world.write('folder/x', 'x')
    const before = world.visible()
    const results = world.apply([
      placeFile('gone', gone, world.stage('s1', 'new')),
      placeFile('edited', old, world.stage('s2', 'new')),
      placeFile('edited', null, world.stage('s3', 'new')),
      placeFile('linked', linked, world.stage('s4', 'new')),
      placeFile('folder', null, world.stage('s5', 'new')),
      placeLink('edited', old, 'target'),
      setMetadata('edited', old, { executable: true }),
      remove('edited', old),
      remove('missing/x', old),
      makeFolder('edited', null),
      makeFolder('gone', gone),
      removeFolder('edited', folder),
    ])
    expect(results.map((result) => result.outcome)).toEqual(Array(12).fill('changed'))
    expect(world.visible()).toEqual(before)
    expect(world.look('missing')).toBeNull()
  })

  it.each([
    ['placed onto', (old: DiskState) => placeFile('a', old, 's')],
    ['replaced by a link', (old: DiskState) => placeLink('a', old, 'target')],
    ['removed', (old: DiskState) => remove('a', old)],
    ['removed and kept', (old: DiskState) => remove('a', old, 'copy')],
  ])('tells what a file that is not %s after all looks like, wherever that ends', (_what, stepFor) => {
    let moved = 0
    for (let index = 0; index < 40; index++) {
      using world = makeWorld()
      const old = world.write('a', 'old')
      world.stage('s', 'new')
      const [result] = world.apply([stepFor(old)], { hook: failAt(index, 'EACCES') })
      if (result!.outcome !== 'failed') continue
      const now = world.state('a')
      if (now.ctimeNs === old.ctimeNs) continue
      moved++
      expect(result!.left).toEqual([{ path: 'a', disk: now }])
    }
    expect(moved).toBeGreaterThan(0)
  })

  it('tells nothing of a file that was edited or made executable while it was not replaced after all', () => {
    for (const edit of [(world: World) => world.write('a', 'old', 0o755), (world: World) => world.write('a', 'edit')]) {
      using world = makeWorld()
      const step = placeFile('a', world.write('a', 'old'), world.stage('s', 'new'))
      const hook: DiskHook = (operation) => {
        if (operation !== 'rename') return
        edit(world)
        throw diskError('EACCES')
      }
      const [result] = world.apply([step], { hook })
      expect(result).toMatchObject({ outcome: 'failed' })
      expect(result).not.toHaveProperty('left')
    }
  })

  it('blocks on a name that is too long, and makes nothing for it', () => {
    using world = makeWorld()
    const results = world.apply([
      placeFile(`d/${'ä'.repeat(128)}`, null, world.stage('s', 'new')),
      { type: 'make-folder', path: at('x'.repeat(256)), expect: null },
    ])
    expect(results.map(summary)).toEqual(['blocked ENAMETOOLONG', 'blocked ENAMETOOLONG'])
    expect(world.look('d')).toBeNull()
  })

  it('fails when the staged file is missing, and goes on', () => {
    using world = makeWorld()
    const old = world.write('a', 'old')
    const results = world.apply([placeFile('a', old, 'none'), placeFile('b', null, world.stage('s', 'new'))])
    expect(results.map(summary)).toEqual(['failed ENOENT', 'done'])
    expect(world.visible()).toEqual({ a: 'old', b: 'new' })
  })

  it('refuses paths that are none, whatever their type says', () => {
    using world = makeWorld()
    const paths = ['../outside/x', '/etc/x', 'a//b', 'a/../../x', '', '.p2psync/folder.json', '.P2PSYNC/x', 'a\0b']
    const results = world.apply(
      paths.map((path) => ({ ...placeFile('x', null, world.stage('s', 'new')), path: path as ReturnType<typeof at> })),
    )
    expect(results.map((result) => result.outcome)).toEqual(paths.map(() => 'blocked'))
    expect(world.visible()).toEqual({})
    expect(world.outsideTree()).toEqual({})
  })

  it('goes on after the trouble of one path, and ends when the disk is full', () => {
    using world = makeWorld()
    const steps = ['a', 'b', 'c', 'd'].map((path) =>
      placeFile(path, world.write(path, 'old'), world.stage(path, 'new')),
    )
    const failing = (path: string, code: string) => (operation: string, from: string) => {
      if (operation === 'rename' && from.endsWith(`staging/${path}`)) throw diskError(code)
    }
    expect(world.apply(steps.slice(0, 2), { hook: failing('a', 'EACCES') }).map(summary)).toEqual([
      'failed EACCES',
      'done',
    ])
    expect(world.read('a')).toBe('old')
    const rest = ['c', 'd'].map((path) => placeFile(path, world.state(path), path))
    expect(world.apply(rest, { hook: failing('c', 'ENOSPC') }).map(summary)).toEqual(['failed ENOSPC', 'failed ENOSPC'])
    expect([world.read('c'), world.read('d')]).toEqual(['old', 'old'])
    expect(world.tree('.p2psync/history/h1')).toEqual({ b: 'old' })
  })

  it('says done of nothing that could not be made durable', () => {
    using world = makeWorld()
    const steps = [placeFile('a', null, world.stage('s', 'new')), placeFile('b', null, 'none')]
    const results = world.apply(steps, {
      hook: (operation) => {
        if (operation === 'syncFolder') throw diskError('EIO')
      },
    })
    expect(results.map(summary)).toEqual(['failed EIO', 'failed ENOENT'])
  })

  it('flushes a few folders one by one, and many at once', () => {
    using world = makeWorld()
    const flushes = (count: number): string[] => {
      const calls: string[] = []
      const steps = Array.from({ length: count }, (_, i) =>
        placeFile(`${count}-${i}/f`, null, world.stage(`s${i}`, 'new')),
      )
      world.apply(steps, { hook: (operation) => void (operation.startsWith('sync') && calls.push(operation)) })
      return calls
    }
    expect(flushes(2)).toEqual(Array(4).fill('syncFolder'))
    expect(flushes(30)).toEqual(['syncFileSystem'])
  })

  it('renames old files away where there are no hard links', () => {
    using world = makeWorld()
    const [a, b, c] = [world.write('a', 'a'), world.write('b', 'b'), world.write('c', 'c')]
    const steps: ApplyStep[] = [
      placeFile('a', a, world.stage('s1', 'new')),
      placeFile('b', b, world.stage('s2', 'new'), 'b (copy)'),
      { type: 'remove', path: at('c'), expect: c, keepAs: at('c (copy)') },
    ]
    const results = world.apply(steps, { hook: withoutHardLinks })
    expect(results.map(summary)).toEqual(['done', 'done', 'done'])
    expect(world.tree()).toEqual({ a: 'new', b: 'new', 'b (copy)': 'b', 'c (copy)': 'c', '.p2psync/history/h1/a': 'a' })
  })

  it('ends its slice after 200 steps', () => {
    using world = makeWorld()
    const steps = Array.from({ length: 450 }, (_, i): ApplyStep => ({
      type: 'make-folder',
      path: at(`d${i}`),
      expect: null,
    }))
    const slices = world.slices(steps)
    let count = 0
    while (slices.next().done !== true) count++
    expect(count).toBeGreaterThanOrEqual(2)
    expect(world.look('d449')?.kind).toBe('folder')
  })

  it('leaves no handle open', () => {
    using world = makeWorld()
    if (!(world.disk instanceof MemoryDisk)) return expect(world.disk).toBeDefined()
    const old = world.write('a', 'mine', 0o600)
    world.write('twin', 'mine')
    world.apply([placeFile('a', old, world.stage('s', 'new'), 'twin'), setMetadata('twin', world.state('twin'), {})])
    return expect(world.disk.openHandles).toBe(0)
  })
})

function withoutHardLinks(operation: string): void {
  if (operation === 'hardLink') throw diskError('EPERM')
}
