import { describe, expect, it } from 'vitest'
import { Crash, crashAt, diskError, failAt, type DiskHook } from './hooked-disk.ts'
import { givenMtimeNs, placeFile, placeLink, removeFolder } from './steps.ts'
import { at, memoryWorld, summary, worlds } from './world.ts'

describe.each(worlds)('placing %s', (_name, makeWorld) => {
  it('places a new file, with the folders that it needs', () => {
    using world = makeWorld()
    const staged = world.stage('s', 'new')
    const [result] = world.apply([placeFile('a/b/c', null, staged)])
    expect(result).toEqual({ outcome: 'done', disk: world.state('a/b/c'), kept: null })
    expect(world.tree()).toEqual({ 'a/b/c': 'new' })
  })

  it('puts the old version into history, under its path', () => {
    using world = makeWorld()
    const old = world.write('a/b', 'old')
    const [result] = world.apply([placeFile('a/b', old, world.stage('s', 'new'))])
    expect(result).toEqual({ outcome: 'done', disk: world.state('a/b'), kept: null, away: 'h1/a/b' })
    expect(world.tree()).toEqual({ 'a/b': 'new', '.p2psync/history/h1/a/b': 'old' })
    expect(world.state('.p2psync/history/h1/a/b').inode).toBe(old.inode)
  })

  it.each(['EACCES', 'crash'])('changes nothing of a damaged file before it is replaced: %s anywhere', (end) => {
    let replaced = 0
    for (let index = 0; replaced === 0 || index < 20; index++) {
      using world = makeWorld()
      const old = world.write('a', 'bad')
      const step = { ...placeFile('a', old, world.stage('s', 'good')), isDamaged: true }
      try {
        world.apply([step], { hook: end === 'crash' ? crashAt(index) : failAt(index, end) })
      } catch (error) {
        if (!(error instanceof Crash)) throw error
      }
      if (world.read('a') === 'good') replaced++
      else expect([world.read('a'), world.state('a')]).toEqual(['bad', old])
    }
  })

  it('keeps a damaged file in history, though its bytes cannot be read', () => {
    for (const code of [null, 'EIO']) {
      using world = makeWorld()
      const step = { ...placeFile('a', world.write('a', 'bad'), world.stage('s', 'good')), isDamaged: true }
      const hook: DiskHook = (operation) => {
        if (operation === 'copyFile' && code !== null) throw diskError(code)
      }
      expect(world.apply([step], { hook })).toMatchObject([{ outcome: 'done', away: 'h1/a' }])
      expect(world.tree()).toEqual({ a: 'good', '.p2psync/history/h1/a': 'bad' })
    }
  })

  it('keeps the old version under the name that was asked for', () => {
    using world = makeWorld()
    const old = world.write('a.txt', 'mine')
    const [result] = world.apply([placeFile('a.txt', old, world.stage('s', 'theirs'), 'a (copy).txt')])
    expect(result).toEqual({ outcome: 'done', disk: world.state('a.txt'), kept: world.state('a (copy).txt') })
    expect(world.tree()).toEqual({ 'a.txt': 'theirs', 'a (copy).txt': 'mine' })
  })

  it('takes an equal file for the kept version, and blocks on any other', () => {
    using world = makeWorld()
    world.write('twin', 'mine')
    world.write('other', 'else')
    const [a, b] = [world.write('a', 'mine'), world.write('b', 'mine')]
    const results = world.apply([
      placeFile('a', a, world.stage('s1', 'theirs'), 'twin'),
      placeFile('b', b, world.stage('s2', 'theirs'), 'other'),
    ])
    expect(results[0]).toEqual({ outcome: 'done', disk: world.state('a'), kept: world.state('twin') })
    expect(results[1]).toMatchObject({ outcome: 'blocked', code: 'EEXIST' })
    expect(world.visible()).toEqual({ twin: 'mine', other: 'else', a: 'theirs', b: 'mine' })
  })

  it('finishes what was interrupted after the old version got its kept name', () => {
    using world = makeWorld()
    for (const name of ['a', 'b']) {
      world.write(name, 'mine')
      world.disk.hardLink(`${world.root}/${name}`, `${world.root}/${name} (copy)`)
    }
    const results = world.apply([
      placeFile('a', world.state('a'), world.stage('s', 'theirs'), 'a (copy)'),
      { type: 'remove', path: at('b'), expect: world.state('b'), keepAs: at('b (copy)') },
    ])
    expect(results).toEqual([
      { outcome: 'done', disk: world.state('a'), kept: world.state('a (copy)') },
      { outcome: 'done', disk: null, kept: world.state('b (copy)') },
    ])
    expect(world.tree()).toEqual({ a: 'theirs', 'a (copy)': 'mine', 'b (copy)': 'mine' })
  })

  it('replaces symlinks by files, files by symlinks, and symlinks by symlinks', () => {
    using world = makeWorld()
    const [link, file, other] = [world.link('link', 'x'), world.write('file', 'f'), world.link('other', 'y')]
    const results = world.apply([
      placeFile('link', link, world.stage('s', 'new')),
      placeLink('file', file, 'z'),
      placeLink('other', other, 'w', 'other (copy)'),
      placeLink('d/fresh', null, '../file'),
    ])
    expect(results).toEqual([
      { outcome: 'done', disk: world.state('link'), kept: null, away: 'h1/link' },
      { outcome: 'done', disk: world.state('file'), kept: null, away: 'h1/file' },
      { outcome: 'done', disk: world.state('other'), kept: world.state('other (copy)') },
      { outcome: 'done', disk: world.state('d/fresh'), kept: null },
    ])
    expect(world.tree()).toEqual({
      link: 'new',
      file: '-> z',
      other: '-> w',
      'other (copy)': '-> y',
      'd/fresh': '-> ../file',
      '.p2psync/history/h1/link': '-> x',
      '.p2psync/history/h1/file': 'f',
    })
    expect(world.state('file').mtimeNs).toBe(givenMtimeNs)
  })

  it('refuses a symlink that leads out of the folder', () => {
    using world = makeWorld()
    const results = world.apply([placeLink('d/a', null, '../../x'), placeLink('b', null, '/etc/passwd')])
    expect(results.map((result) => result.outcome)).toEqual(['blocked', 'blocked'])
    expect(world.tree()).toEqual({})
  })

  it('puts a file where an empty folder was, and blocks on one that holds something', () => {
    using world = makeWorld()
    world.folder('empty')
    world.write('full/x', 'x')
    const results = world.apply([
      placeFile('empty', world.state('empty'), world.stage('s1', 'new')),
      placeFile('full', world.state('full'), world.stage('s2', 'new')),
      removeFolder('full', world.state('full')),
    ])
    expect(results.map(summary)).toEqual(['done', 'blocked ENOTEMPTY', 'blocked ENOTEMPTY'])
    expect(world.visible()).toEqual({ empty: 'new', 'full/x': 'x' })
  })

  it('keeps what an old file let group and others do, and strips the rest', () => {
    using world = makeWorld()
    const cases = [
      { path: 'private', old: 0o600, staged: 0o644, result: 0o600 },
      { path: 'private-run', old: 0o600, staged: 0o755, result: 0o700 },
      { path: 'shared-run', old: 0o664, staged: 0o755, result: 0o775 },
      { path: 'no-longer-run', old: 0o755, staged: 0o644, result: 0o644 },
      { path: 'read-only', old: 0o444, staged: 0o644, result: 0o444 },
      { path: 'setuid', old: 0o4755, staged: 0o755, result: 0o755 },
    ]
    const steps = cases.map(({ path, old, staged }) =>
      placeFile(path, world.write(path, 'old', old), world.stage(path, 'new', staged)),
    )
    const results = world.apply(steps)
    expect(results).toEqual(
      cases.map(({ path }) => ({ outcome: 'done', disk: world.state(path), kept: null, away: `h1/${path}` })),
    )
    expect(cases.map(({ path }) => world.state(path).mode)).toEqual(cases.map(({ result }) => result))
  })
})

it('keeps a damaged file in history over a power cut right after it was replaced', () => {
  const world = memoryWorld()
  const step = { ...placeFile('a', world.write('a', 'bad'), world.stage('s', 'good')), isDamaged: true }
  world.disk.syncFileSystem('/')
  expect(world.apply([step])).toMatchObject([{ outcome: 'done' }])
  world.disk.syncNames()
  world.disk.crash()
  expect(world.tree()).toEqual({ a: 'good', '.p2psync/history/h1/a': 'bad' })
})
