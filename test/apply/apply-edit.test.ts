import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { makeFolder, placeFile, remove, setMetadata } from './steps.ts'
import { saveByRename, worlds, writeFile, type World } from './world.ts'

describe.each(worlds)('an edit in the middle of an apply %s', (_name, makeWorld) => {
  it('is never lost when it took the place of the file before the last look', () => {
    const kinds = ['place', 'place-keeping', 'remove', 'remove-keeping', 'make-folder', 'set-metadata']
    for (const kind of kinds) {
      forEachEdit(makeWorld, kind, saveByRename, (world, isLastCall) => {
        if (!isLastCall) expect(Object.values(world.tree()), kind).toContain('edited')
        expect(Object.values(world.tree()), kind).toContain(world.read('file') === 'edited' ? 'edited' : 'old')
      })
    }
  })

  it('is never lost when it was written in place, not even right before the rename', () => {
    for (const kind of ['place', 'place-keeping', 'remove', 'remove-keeping', 'make-folder', 'set-metadata']) {
      forEachEdit(makeWorld, kind, writeFile, (world) => {
        expect(Object.values(world.tree()), kind).toContain('edited')
      })
    }
  })

  it('is never reported as the state of what was put there', () => {
    using world = makeWorld()
    const old = world.write('file', 'old')
    const step = placeFile('file', old, world.stage('s', 'new'))
    let renamed = false
    const [result] = world.apply([step], {
      hook: (operation, path) => {
        if (renamed && operation === 'lstat') saveByRename(world.disk, `${world.root}/file`, 'edited')
        renamed = operation === 'rename' && path.endsWith('staging/s')
      },
    })
    expect(world.read('file')).toBe('edited')
    expect(result).toMatchObject({ outcome: 'done', disk: { sizeBytes: 3 } })
    expect(result).not.toMatchObject({ disk: { inode: world.state('file').inode } })
  })
})

/** Lets a user's edit come before each operation of one step, in a fresh world each. */
function forEachEdit(
  makeWorld: () => World,
  kind: string,
  edit: (disk: Disk, path: string, text: string) => void,
  check: (world: World, isLastCall: boolean) => void,
): void {
  for (let index = 0, isOver = false; !isOver; index++) {
    using world = makeWorld()
    const step = editedStep(world, kind, world.write('file', 'old'))
    let count = 0
    let isLastCall = false
    let isReady = false
    world.apply([step], {
      hook: (operation, path) => {
        if (count++ !== index) return
        isLastCall = operation === 'rename' && path.includes('staging')
        isReady = world.look('file')?.kind === 'file'
        if (isReady) edit(world.disk, `${world.root}/file`, 'edited')
      },
    })
    isOver = count <= index
    if (isReady) check(world, isLastCall)
  }
}

function editedStep(world: World, kind: string, old: DiskState): ApplyStep {
  if (kind === 'remove') return remove('file', old)
  if (kind === 'remove-keeping') return remove('file', old, 'file (copy)')
  if (kind === 'make-folder') return makeFolder('file', old)
  if (kind === 'set-metadata') return setMetadata('file', old, { executable: true })
  return placeFile('file', old, world.stage('s', 'new'), kind === 'place-keeping' ? 'file (copy)' : undefined)
}
