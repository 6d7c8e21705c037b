import { describe, expect, it } from 'vitest'
import { applySteps } from '../../src/apply/apply-steps.ts'
import { trimHistory } from '../../src/apply/history.ts'
import { discardStaged, finishStaged, listStaged } from '../../src/apply/staging.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { removeSecondName } from './steps.ts'
import { at, drain, worlds, writeFile, type World } from './world.ts'

describe.each(worlds)('nothing leaves the root %s', (_name, makeWorld) => {
  it('when a parent is a symlink', () => {
    using world = makeWorld()
    const victim = prepareVictim(world)
    world.link('a', '../outside')
    world.folder('real')
    world.link('real/b', '../../outside')
    const results = world.apply([...stepsAt('a', victim, world), ...stepsAt('real/b', victim, world)])
    expect(results.map((result) => 'code' in result && result.code)).toEqual(results.map(() => 'ENOTDIR'))
    expect(world.outsideTree()).toEqual({ victim: 'precious' })
  })

  it('when the kept name lies behind a symlink', () => {
    using world = makeWorld()
    world.link('a', '../outside')
    const old = world.write('f', 'old')
    const [result] = world.apply([{ type: 'remove', path: at('f'), expect: old, keepAs: at('a/f') }])
    expect(result).toMatchObject({ outcome: 'blocked', code: 'ENOTDIR' })
    expect(world.read('f')).toBe('old')
    expect(world.outsideTree()).toEqual({})
  })

  it('when one of two names of a file lies behind a symlink', () => {
    using world = makeWorld()
    world.link('a', '../outside')
    world.write('f', 'old')
    world.disk.hardLink(`${world.root}/f`, `${world.outside}/f`)
    const expected = world.state('f')
    const results = world.apply([removeSecondName('f', expected, 'a/f'), removeSecondName('a/f', expected, 'f')])
    expect(results).toMatchObject(results.map(() => ({ outcome: 'blocked', code: 'ENOTDIR' })))
    expect([world.read('f'), world.outsideTree()]).toEqual(['old', { f: 'old' }])
  })

  it('when a parent is a file', () => {
    using world = makeWorld()
    world.write('a', 'a file')
    const [result] = world.apply([{ type: 'make-folder', path: at('a/b/c'), expect: null }])
    expect(result).toMatchObject({ outcome: 'blocked', code: 'ENOTDIR' })
    expect(world.tree()).toEqual({ a: 'a file' })
  })

  it('when history holds a symlink that was removed before (CVE-2017-1000420)', () => {
    using world = makeWorld()
    const link = world.link('a', '../../../../outside')
    world.apply([{ type: 'remove', path: at('a'), expect: link, keepAs: null }])
    const old = world.write('a/victim', 'old')
    const results = world.apply([{ type: 'remove', path: at('a/victim'), expect: old, keepAs: null }])
    expect(results).toEqual([{ outcome: 'done', disk: null, kept: null, away: 'h1/a (2)/victim' }])
    expect(world.outsideTree()).toEqual({})
    expect(world.tree('.p2psync/history/h1')).toEqual({ a: '-> ../../../../outside', 'a (2)/victim': 'old' })
  })

  it.each(['.p2psync', '.p2psync/history', '.p2psync/staging', '.p2psync/history/h1'])(
    'when %s is a symlink',
    (path) => {
      using world = makeWorld()
      const old = world.write('f', 'old')
      const target = `${world.outside}/${path.split('/').at(-1)}`
      if (world.look(path) === null) world.disk.makeFolder(target)
      else world.disk.rename(`${world.root}/${path}`, target)
      world.disk.makeLink(`${world.root}/${path}`, target)
      const results = world.apply([
        { type: 'place-link', path: at('f'), expect: old, target: 'x', mtimeNs: 0n, keepAs: null },
      ])
      expect(results).toEqual([{ outcome: 'blocked', code: 'ENOTDIR', reason: `"${path}" is not a folder` }])
      expect(world.read('f')).toBe('old')
      expect(world.outsideTree()).toEqual({})
    },
  )

  it('when staging or history is a symlink and is cleaned', () => {
    using world = makeWorld()
    for (const name of ['staging', 'history']) {
      world.disk.removeFolder(`${world.root}/.p2psync/${name}`)
      world.link(`.p2psync/${name}`, '../../outside')
    }
    world.disk.makeFolder(`${world.outside}/20200101`)
    writeFile(world.disk, `${world.outside}/20200101/x`, 'x')
    writeFile(world.disk, `${world.outside}/s`, 's')
    const trouble = /is not a folder/
    expect(() => drain(listStaged(world.disk, world.root))).toThrow(trouble)
    expect(() => drain(discardStaged(world.disk, world.root, ['s']))).toThrow(trouble)
    const file = { staged: 's', sizeBytes: 0, mtimeNs: 0n, executable: false }
    expect(() => drain(finishStaged(world.disk, world.root, [file]))).toThrow(trouble)
    expect(() => drain(trimHistory(world.disk, world.root, '3'))).toThrow(trouble)
    expect(world.outsideTree()).toEqual({ '20200101/x': 'x', s: 's' })
  })

  it('when a symlink takes the place of a folder between two slices', () => {
    using world = makeWorld()
    world.folder('a')
    const steps = Array.from({ length: 202 }, (_, i): ApplyStep => ({
      type: 'make-folder',
      path: at(`a/${i}`),
      expect: null,
    }))
    const slices = applySteps(world.disk, world.root, steps, { history: 'h1' })
    expect(slices.next().done).toBe(false)
    world.disk.rename(`${world.root}/a`, `${world.root}/b`)
    world.link('a', '../outside')
    const results = drain(slices)
    expect(results.map((result) => result.outcome).slice(198)).toEqual(['done', 'done', 'blocked', 'blocked'])
    expect(world.disk.readFolder(world.outside)).toEqual([])
  })
})

/** A file outside, and its state, with which every step would find what it expects. */
function prepareVictim(world: World): DiskState {
  writeFile(world.disk, `${world.outside}/victim`, 'precious')
  const state = world.disk.lstat(`${world.outside}/victim`)
  if (state?.kind !== 'file') throw new Error('no victim')
  return state
}

function stepsAt(folder: string, victim: DiskState, world: World): ApplyStep[] {
  const [path, fresh] = [at(`${folder}/victim`), at(`${folder}/sub/fresh`)]
  return [
    {
      type: 'place-file',
      path,
      expect: victim,
      staged: world.stage(`${folder.replace('/', '-')}1`, 'x'),
      keepAs: null,
    },
    {
      type: 'place-file',
      path: fresh,
      expect: null,
      staged: world.stage(`${folder.replace('/', '-')}2`, 'x'),
      keepAs: null,
    },
    { type: 'place-link', path, expect: victim, target: 'x', mtimeNs: 0n, keepAs: null },
    { type: 'make-folder', path: fresh, expect: null },
    { type: 'set-metadata', path, expect: victim, mtimeNs: 0n, executable: true },
    { type: 'remove', path, expect: victim, keepAs: null },
    { type: 'remove-folder', path, expect: { ...victim, kind: 'folder' } },
  ]
}
