import { describe, expect, it } from 'vitest'
import { diskError, type DiskHook } from './hooked-disk.ts'
import { givenMtimeNs, makeFolder, remove, removeFolder, setMetadata } from './steps.ts'
import { at, summary, worlds } from './world.ts'

describe.each(worlds)('removing and making folders %s', (_name, makeWorld) => {
  it('gives a second old version of the same name a number', () => {
    using world = makeWorld()
    const long = 'n'.repeat(255)
    for (const [path, text] of [
      ['x', '1'],
      ['x', '2'],
      ['x', '3'],
      [long, '1'],
      [long, '2'],
    ] as const) {
      world.write(path, text)
      world.apply([remove(path, world.state(path))])
    }
    expect(world.tree('.p2psync/history/h1')).toEqual({
      x: '1',
      'x (2)': '2',
      'x (3)': '3',
      [long]: '1',
      [`${'n'.repeat(251)} (2)`]: '2',
    })
  })

  it('makes folders, also where a file or symlink was, and again', () => {
    using world = makeWorld()
    const [file, link] = [world.write('file', 'f'), world.link('link', 'x')]
    const results = world.apply([makeFolder('a/b', null), makeFolder('file', file), makeFolder('link', link)])
    const made = ['a/b', 'file', 'link'].map((path) => ({ outcome: 'done', disk: world.state(path), kept: null }))
    expect(results).toEqual([made[0], { ...made[1], away: 'h1/file' }, { ...made[2], away: 'h1/link' }])
    expect(world.apply([makeFolder('a/b', null), makeFolder('file', file)]).map(summary)).toEqual(['done', 'done'])
    expect(world.read('file')).toBe('/')
    expect(world.tree('.p2psync/history/h1')).toEqual({ file: 'f', link: '-> x' })
  })

  it('removes files and symlinks into history, and empty folders', () => {
    using world = makeWorld()
    const [file, link] = [world.write('d/file', 'f'), world.link('d/link', 'x')]
    const folder = world.state('d')
    const results = world.apply([
      remove('d/file', file),
      remove('d/link', link),
      removeFolder('d', folder),
      removeFolder('d', folder),
      removeFolder('d/e/f', folder),
    ])
    expect(results).toMatchObject(Array.from({ length: 5 }, () => ({ outcome: 'done', disk: null, kept: null })))
    expect(results.map((result) => (result.outcome === 'done' ? (result.away ?? '') : ''))).toEqual([
      'h1/d/file',
      'h1/d/link',
      '',
      '',
      '',
    ])
    expect(world.tree()).toEqual({ '.p2psync/history/h1/d/file': 'f', '.p2psync/history/h1/d/link': '-> x' })
    expect(world.look('d')).toBeNull()
  })

  it('removes to a kept name', () => {
    using world = makeWorld()
    const [file, link] = [world.write('f', 'f'), world.link('l', 'x')]
    const results = world.apply([
      { type: 'remove', path: at('f'), expect: file, keepAs: at('f (copy)') },
      { type: 'remove', path: at('l'), expect: link, keepAs: at('l (copy)') },
    ])
    expect(results).toEqual(
      ['f (copy)', 'l (copy)'].map((name) => ({ outcome: 'done', disk: null, kept: world.state(name) })),
    )
    expect(world.tree()).toEqual({ 'f (copy)': 'f', 'l (copy)': '-> x' })
  })

  it('leaves what could be neither taken away nor put back under its kept name at least', () => {
    for (let index = 0, isOver = false; !isOver; index++) {
      using world = makeWorld()
      const step = remove('f', world.write('f', 'f'), 'f (copy)')
      let count = 0
      const hook: DiskHook = (operation) => {
        if (operation === 'close') return
        count++
        if (count === index + 1 || count === index + 2) throw diskError('EIO')
      }
      world.apply([step], { hook })
      isOver = count <= index
      expect(Object.values(world.visible())).toContain('f')
    }
  })

  it('sets time and executable bit, and leaves the bytes alone', () => {
    using world = makeWorld()
    const [file, link] = [world.write('f', 'f', 0o640), world.link('l', 'x')]
    const results = world.apply([setMetadata('f', file, { executable: true }), setMetadata('l', link, {})])
    expect(results.map(summary)).toEqual(['done', 'done'])
    expect(results[0]).toEqual({ outcome: 'done', disk: world.state('f'), kept: null })
    expect(world.state('f')).toMatchObject({ mode: 0o750, mtimeNs: givenMtimeNs, inode: file.inode })
    expect(world.state('l')).toMatchObject({ mtimeNs: givenMtimeNs, inode: link.inode })
    world.apply([setMetadata('f', world.state('f'), { executable: false })])
    expect(world.state('f').mode).toBe(0o640)
  })
})
