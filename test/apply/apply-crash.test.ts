import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { discardStaged } from '../../src/apply/staging.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { crashAt, diskError, failAt, seemToFailAt, type DiskHook } from './hooked-disk.ts'
import { applyUnlessCrashed, forEachOperation, plan, setScene, type Scene } from './scene.ts'
import { makeFolder, placeFile, placeLink, remove } from './steps.ts'
import { drain, memoryWorld, worlds, type World } from './world.ts'

describe.each(worlds)('an apply that is interrupted %s', (_name, makeWorld) => {
  it('leaves the old or the new version at each path, wherever it is killed, and can be done again', () => {
    forEachOperation(makeWorld, crashAt, (world, scene) => {
      expectOldOrNew(world, scene, mayBeEmpty)
      expectNothingLost(world, scene)
      expectDoneAgain(world, scene)
    })
  })

  it('leaves the old or the new version at each path, whichever operation fails', () => {
    forEachOperation(
      makeWorld,
      (index) => failAt(index, 'EIO'),
      (world, scene) => {
        expectOldOrNew(world, scene, new Set())
        expectNothingLost(world, scene)
        expectDoneAgain(world, scene)
      },
    )
  })

  it.each(['EIO', 'ENOENT'])('loses nothing, whichever operation is done and says %s all the same', (code) => {
    forEachOperation(
      makeWorld,
      (index) => seemToFailAt(index, code),
      (world, scene) => {
        expectOldOrNew(world, scene, mayBeEmpty)
        expectNothingLost(world, scene)
      },
    )
  })

  it('leaves a path as it was when its step is not done', () => {
    forEachOperation(
      makeWorld,
      (index) => failAt(index, 'EACCES'),
      (world, { changes }, results) => {
        expect(results).toHaveLength(changes.length)
        for (const [i, { path, before }] of changes.entries()) {
          if (results[i]?.outcome !== 'done' && path !== 'file-to-folder') expect(world.read(path), path).toBe(before)
        }
        expect(results.filter((result) => result.outcome !== 'done').length).toBeLessThanOrEqual(1)
      },
    )
  })

  it('loses nothing where there are no hard links', () => {
    const withoutLinks = (index: number): DiskHook => {
      const crash = crashAt(index)
      return (operation, path) => {
        crash(operation, path)
        if (operation === 'hardLink') throw diskError('ENOTSUP')
      }
    }
    forEachOperation(makeWorld, withoutLinks, (world, scene) => {
      expectOldOrNew(world, scene, new Set(scene.changes.map((change) => change.path)))
      expectNothingLost(world, scene)
    })
  })

  it('keeps every old version when the disk fills up in the middle', () => {
    const fullAt = (index: number): DiskHook => {
      let count = 0
      return (operation) => {
        const takesSpace = ['create', 'makeFolder', 'makeLink', 'hardLink', 'rename', 'write'].includes(operation)
        if (count++ >= index && takesSpace) throw diskError('ENOSPC')
      }
    }
    forEachOperation(makeWorld, fullAt, (world, scene) => {
      expectOldOrNew(world, scene, mayBeEmpty)
      expectNothingLost(world, scene)
    })
  })
})

describe('an apply and a power cut', () => {
  it('leaves the old or the new version at each path, and nothing is lost', () => {
    forEachOperation(memoryWorld, crashAt, (world, scene) => {
      world.disk.crash()
      expectOldOrNew(world, scene, mayBeEmpty)
      expectNothingLost(world, scene)
    })
  })

  it('is durable once it has returned', () => {
    const world = memoryWorld()
    const scene = setScene(world)
    const results = world.apply(scene.changes.map((change) => change.step))
    world.disk.crash()
    expect(results.map((result) => result.outcome)).toEqual(scene.changes.map(() => 'done'))
    expect(scene.changes.map((change) => world.read(change.path))).toEqual(scene.changes.map((change) => change.after))
    expect(world.tree('.p2psync/staging')).toEqual({})
    expectNothingLost(world, scene)
  })
})

it('loses nothing, whatever the steps and wherever the end', () => {
  const names = ['a', 'b', 'c/d', 'c/e']
  const one = fc.record({ path: fc.constantFrom(...names), kind: fc.constantFrom('place', 'link', 'remove', 'folder') })
  fc.assert(
    fc.property(fc.array(one, { maxLength: 6 }), fc.nat(80), fc.boolean(), (items, crashIndex, powerCut) => {
      const world = memoryWorld()
      for (const name of names) world.write(name, `old ${name}`)
      const states = new Map(names.map((name) => [name, world.state(name)]))
      const steps = items.map((item, i) => anyStep(world, item, { index: i, expected: states.get(item.path)! }))
      world.disk.syncFileSystem('/')
      applyUnlessCrashed(world, steps, crashAt(crashIndex))
      if (powerCut) world.disk.crash()
      const contents = Object.values(world.tree())
      for (const name of names) expect(contents).toContain(`old ${name}`)
    }),
  )
})

// One thing takes the place of another of a kind that no rename can replace: empty for an instant.
const mayBeEmpty: ReadonlySet<string> = new Set(['file-to-folder', 'folder-to-file'])

function expectOldOrNew(world: World, scene: Scene, emptyAllowed: ReadonlySet<string>): void {
  for (const { path, before, after } of scene.changes) {
    const allowed = emptyAllowed.has(path) ? [before, after, null] : [before, after]
    expect(allowed, path).toContain(world.read(path))
  }
}

function expectNothingLost(world: World, scene: Scene): void {
  expect(Object.values(world.tree())).toEqual(expect.arrayContaining([...scene.precious]))
}

function expectDoneAgain(world: World, scene: Scene): void {
  const left = scene.changes.filter(({ path, after }) => world.read(path) !== after)
  const results = world.apply(
    left.map(({ path }) => plan(world, path).step),
    { history: 'h2' },
  )
  expect(results.map((result) => result.outcome)).toEqual(left.map(() => 'done'))
  // A new file has two names for an instant: what is staged goes, and it stays.
  drain(discardStaged(world.disk, world.root, Object.keys(world.tree('.p2psync/staging'))))
  for (const { path, after } of scene.changes) expect(world.read(path), path).toBe(after)
  expectNothingLost(world, scene)
}

interface AnyStep {
  readonly path: string
  readonly kind: string
}

function anyStep(world: World, item: AnyStep, { index, expected }: { index: number; expected: DiskState }): ApplyStep {
  if (item.kind === 'remove') return remove(item.path, expected)
  if (item.kind === 'folder') return makeFolder(item.path, expected)
  if (item.kind === 'place') return placeFile(item.path, expected, world.stage(`s${index}`, `new ${index}`))
  return placeLink(item.path, expected, 'a', `${item.path} (copy)`)
}
