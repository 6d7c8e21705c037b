import { expect } from 'vitest'
import type { ApplyStep, StepResult } from '../../src/ports/file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { Crash, type DiskHook } from './hooked-disk.ts'
import { moveFile, moveFolder, placeFile, removeTree } from './steps.ts'
import { at, type World } from './world.ts'

/** What is to happen to one path. */
export interface Change {
  readonly path: string
  readonly before: string | null
  readonly after: string | null
  readonly step: ApplyStep
}

export interface Scene {
  readonly changes: readonly Change[]
  /** What users wrote: must be somewhere. */
  readonly precious: readonly string[]
}

/** A folder with something of each kind, all of it durable, and a change of each kind to make there. */
export function setScene(world: World): Scene {
  const movers = ['from/one', 'from/two', 'from/folder/in it', 'moved-over', ...inTree.map((name) => `tree/${name}`)]
  for (const path of ['doc', 'mine', 'file-to-link', 'meta', 'sub/gone', 'gone-kept', 'file-to-folder', ...movers]) {
    world.write(path, `old ${path}`)
  }
  for (const path of ['link-to-file', 'link', 'link-gone']) world.link(path, `old-${path}`)
  for (const path of ['empty', 'folder-to-file']) world.folder(path)
  const staged = ['deep/er/fresh', 'doc', 'mine', 'link-to-file', 'folder-to-file']
  for (const path of staged) world.stage(nameOf(path), `new ${path}`)
  // By real calls nothing here depends on it, and it would wait for everybody's writes.
  if (world.disk instanceof MemoryDisk) world.disk.syncFileSystem('/')
  const changes = paths.map((path): Change => plan(world, path))
  const precious = changes.flatMap(({ before }) => (before === null || before === '/' ? [] : [before]))
  return { changes, precious: [...precious, ...inTree.map((name) => `old tree/${name}`)] }
}

const inTree = ['one', 'deep/two']

const paths = [
  'deep/er/fresh',
  'doc',
  'mine',
  'link-to-file',
  'folder-to-file',
  'file-to-link',
  'link',
  'meta',
  'sub/gone',
  'gone-kept',
  'link-gone',
  'empty',
  'file-to-folder',
  'to/moved',
  'moved-over',
  'moved-folder',
  'tree',
]

/** The step for a path as it is now, and what it leads to. */
export function plan(world: World, path: string): Change {
  const before = world.read(path)
  const now = world.look(path)
  const link = { type: 'place-link', path: at(path), expect: now, mtimeNs: 1_000_000_000n, keepAs: null } as const
  if (path === 'file-to-link' || path === 'link')
    return { path, before, after: '-> new', step: { ...link, target: 'new' } }
  if (path === 'file-to-folder')
    return { path, before, after: '/', step: { type: 'make-folder', path: at(path), expect: now } }
  if (path === 'empty')
    return { path, before, after: null, step: { type: 'remove-folder', path: at(path), expect: now! } }
  if (path === 'meta') {
    const step = { type: 'set-metadata', path: at(path), expect: now!, mtimeNs: 5_000n, executable: true } as const
    return { path, before, after: 'old meta', step }
  }
  if (path === 'sub/gone' || path === 'gone-kept' || path === 'link-gone') {
    const keepAs = path === 'gone-kept' ? at('gone-kept (copy)') : null
    return { path, before, after: null, step: { type: 'remove', path: at(path), expect: now!, keepAs } }
  }
  if (path === 'tree') {
    const below = [...inTree, 'deep'].map((name) => [name, world.look(`tree/${name}`) ?? now!] as const)
    return { path, before, after: null, step: removeTree(path, now!, Object.fromEntries(below)) }
  }
  if (path === 'moved-folder') {
    const state = world.look('from/folder')
    return { path, before, after: '/', step: moveFolder(path, 'from/folder', state ?? now!) }
  }
  if (path === 'to/moved' || path === 'moved-over') {
    const from = path === 'to/moved' ? 'from/one' : 'from/two'
    const step = moveFile(path, now, { path: from, disk: world.look(from) ?? now! })
    return { path, before, after: `old ${from}`, step }
  }
  return {
    path,
    before,
    after: `new ${path}`,
    step: placeFile(path, now, nameOf(path), path === 'mine' ? 'mine (copy)' : undefined),
  }
}

function nameOf(path: string): string {
  return path.replaceAll('/', '-')
}

/** Runs the scene once for each of its operations, interrupted there. */
export function forEachOperation<Place extends World>(
  makeWorld: () => Place,
  hookAt: (index: number) => DiskHook,
  check: (world: Place, scene: Scene, results: readonly StepResult[]) => void,
): void {
  const total = countOperations(makeWorld)
  expect(total).toBeGreaterThan(100)
  for (let index = 0; index <= total; index++) {
    using world = makeWorld()
    const scene = setScene(world)
    const steps = scene.changes.map((change) => change.step)
    check(world, scene, applyUnlessCrashed(world, steps, hookAt(index)))
  }
}

function countOperations(makeWorld: () => World): number {
  using world = makeWorld()
  let count = 0
  world.apply(
    setScene(world).changes.map((change) => change.step),
    { hook: () => void count++ },
  )
  return count
}

/** No results when it crashed. */
export function applyUnlessCrashed(world: World, steps: readonly ApplyStep[], hook: DiskHook): StepResult[] {
  try {
    return world.apply(steps, { hook })
  } catch (error) {
    if (error instanceof Crash) return []
    throw error
  }
}
