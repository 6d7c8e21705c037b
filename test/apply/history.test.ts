import { describe, expect, it } from 'vitest'
import { trimHistory } from '../../src/apply/history.ts'
import { diskError, hookedDisk } from './hooked-disk.ts'
import { at, drain, worlds, writeFile } from './world.ts'

describe.each(worlds)('history %s', (_name, makeWorld) => {
  it('removes what is older than the given name, and nothing else', () => {
    using world = makeWorld()
    for (const name of ['20260101', '20260102', '20260103']) world.write(`.p2psync/history/${name}/a/b/c`, name)
    world.write('.p2psync/history/20260101/d', 'x')
    world.write('.p2psync/history/0-a-file', 'x')
    drain(trimHistory(world.disk, world.root, '20260102'))
    expect(world.tree('.p2psync/history')).toEqual({
      '0-a-file': 'x',
      '20260102/a/b/c': '20260102',
      '20260103/a/b/c': '20260103',
    })
    expect(world.look('.p2psync/history/20260101')).toBeNull()
  })

  it('removes symlinks, and not what they point to', () => {
    using world = makeWorld()
    writeFile(world.disk, `${world.outside}/precious`, 'x')
    world.folder('.p2psync/history/1/d')
    world.link('.p2psync/history/1/d/link', world.outside)
    world.link('.p2psync/history/2', world.outside)
    drain(trimHistory(world.disk, world.root, '9'))
    expect(world.outsideTree()).toEqual({ precious: 'x' })
    expect(world.look('.p2psync/history/1')).toBeNull()
  })

  it('leaves what cannot be removed, and goes on', () => {
    using world = makeWorld()
    for (const path of ['1/a', '1/b', '2/c']) world.write(`.p2psync/history/${path}`, path)
    const stubborn = hookedDisk(world.disk, (operation, path) => {
      if (operation === 'unlink' && path.endsWith('1/a')) throw diskError('EACCES')
    })
    drain(trimHistory(stubborn, world.root, '9'))
    expect(world.tree('.p2psync/history')).toEqual({ '1/a': '1/a' })
  })

  it('ends its slice within a large folder, and takes a deep one', () => {
    using world = makeWorld()
    for (let i = 0; i < 450; i++) world.write(`.p2psync/history/1/wide/${i}`, '')
    world.folder(`.p2psync/history/1/${Array(300).fill('d').join('/')}`)
    const slices = trimHistory(world.disk, world.root, '2')
    let count = 0
    while (slices.next().done !== true) count++
    expect(count).toBeGreaterThanOrEqual(2)
    expect(world.disk.readFolder(`${world.root}/.p2psync/history`)).toEqual([])
  })

  it('has nothing to do where there is none', () => {
    using world = makeWorld()
    world.disk.removeFolder(`${world.root}/.p2psync/history`)
    expect(drain(trimHistory(world.disk, world.root, '2'))).toBeUndefined()
  })

  it('keeps an old version whose path is too deep for history by its last name', () => {
    using world = makeWorld()
    const rootBytes = Buffer.byteLength(world.root)
    const deep = Array(Math.floor((4080 - rootBytes) / 200))
      .fill('d'.repeat(199))
      .join('/')
    const old = world.write(`${deep}/f`, 'old')
    const [result] = world.apply([{ type: 'remove', path: at(`${deep}/f`), expect: old, keepAs: null }])
    expect(result).toEqual({ outcome: 'done', disk: null, kept: null, away: 'h1/f' })
    expect(world.tree('.p2psync/history/h1')).toEqual({ f: 'old' })
  })

  it('takes no name that leads elsewhere', () => {
    using world = makeWorld()
    for (const history of ['', '.', '..', 'a/b', '../x', 'ä']) {
      expect(() => world.apply([], { history }), history).toThrow(/no name for history/)
    }
  })
})
