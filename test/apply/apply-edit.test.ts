import { describe, expect, it } from 'vitest'
import { isExecutable, sameDiskState, type DiskState } from '../../src/model/disk-state.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { ApplyStep, StepResult } from '../../src/ports/file-tasks.ts'
import { givenMtimeNs, makeFolder, placeFile, placeLink, remove, setMetadata } from './steps.ts'
import { saveByRename, worlds, writeFile, type World } from './world.ts'

describe.each(worlds)('an edit in the middle of an apply %s', (_name, makeWorld) => {
  it('is never lost when it took the place of the file before the last look', () => {
    const kinds = ['place', 'place-keeping', 'place-kept', 'remove', 'remove-keeping', 'make-folder', 'set-metadata']
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

  it.each(['a file', 'a symlink', 'a file over a folder', 'a symlink over a folder'])(
    'is never lost when it made a file where there was none, not even right before %s takes its place',
    (what) => {
      for (let index = 0, isOver = false; !isOver; index++) {
        using world = makeWorld()
        if (what.endsWith('folder')) world.folder('file')
        const isLink = what.startsWith('a symlink')
        const staged = world.stage('s', 'new')
        const step = isLink
          ? placeLink('file', world.look('file'), 'new')
          : placeFile('file', world.look('file'), staged)
        let [count, isMade] = [0, false]
        const results = world.apply([step], {
          hook: () => {
            if (count++ !== index || world.look('file') !== null) return
            isMade = true
            saveByRename(world.disk, `${world.root}/file`, 'edited')
          },
        })
        isOver = count <= index
        expect(world.read('file')).toBe(isMade ? 'edited' : isLink ? '-> new' : 'new')
        expect(results[0]?.outcome).toBe(isMade ? 'changed' : 'done')
      }
    },
  )

  it('is seen at the next look when it made the new file executable right after it got its name', () => {
    for (const old of [null, 'old']) {
      let isOver = false
      for (let index = 0; !isOver; index++) {
        using world = makeWorld()
        const before = old === null ? null : world.write('file', old)
        let count = 0
        const results = world.apply([placeFile('file', before, world.stage('s', 'new'))], {
          hook: () => {
            if (count++ === index && world.read('file') === 'new') makeExecutable(world.disk, `${world.root}/file`)
          },
        })
        isOver = count <= index
        expectSeen(results[0]!, world.look('file')!)
      }
    }
  })

  it('is told to who waits for the end of a new file, by its mode of opening', () => {
    using world = makeWorld()
    const calls: string[] = []
    const step = placeFile('file', null, world.stage('s', 'new'))
    world.apply([step], { hook: (operation, path) => void calls.push(`${operation} ${path.replace(world.root, '')}`) })
    expect(calls).toContain('openWrite /file')
  })

  it('is not given the time of what it replaced', () => {
    using world = makeWorld()
    const step = setMetadata('file', world.write('file', 'old'), { executable: true })
    const results = world.apply([step], {
      hook: (operation) => {
        if (operation === 'openRead') saveByRename(world.disk, `${world.root}/file`, 'edited')
      },
    })
    expect(results).toEqual([{ outcome: 'changed' }])
    expect(world.state('file').mode).toBe(0o644)
    expect(world.state('file').mtimeNs).not.toBe(givenMtimeNs)
  })

  it('leaves no kept version behind when the removal is not done', () => {
    using world = makeWorld()
    const step = remove('file', world.write('file', 'old'), 'file (copy)')
    const results = world.apply([step], {
      hook: (operation, path) => {
        if (operation === 'rename' && path.endsWith('/file')) saveByRename(world.disk, path, 'edited')
      },
    })
    expect(results).toEqual([{ outcome: 'changed' }])
    expect(world.tree()).toEqual({ file: 'edited' })
  })

  it('does not get into history in place of the old version when it is there for an instant', () => {
    using world = makeWorld()
    const path = `${world.root}/file`
    const step = placeFile('file', world.write('file', 'old'), world.stage('s', 'new'))
    let linked = false
    const results = world.apply([step], {
      hook: (operation) => {
        if (linked && world.look('aside') !== null) world.disk.rename(`${world.root}/aside`, path)
        linked ||= operation === 'hardLink'
        if (operation !== 'hardLink') return
        world.disk.rename(path, `${world.root}/aside`)
        writeFile(world.disk, path, 'edited')
      },
    })
    expect(results).toEqual([{ outcome: 'changed' }])
    expect(world.tree()).toEqual({ file: 'old', '.p2psync/staging/s': 'new' })
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
  if (kind === 'place-kept') {
    world.disk.hardLink(`${world.root}/file`, `${world.root}/file (copy)`)
    return placeFile('file', world.state('file'), world.stage('s', 'new'), 'file (copy)')
  }
  return placeFile('file', old, world.stage('s', 'new'), kind === 'place-keeping' ? 'file (copy)' : undefined)
}

function makeExecutable(disk: Disk, path: string): void {
  const handle = disk.openWrite(path)
  disk.setMode(handle, 0o755)
  disk.close(handle)
}

/** An executable bit is not in a result that is taken for what is there now. */
function expectSeen(result: StepResult, now: DiskState): void {
  if (result.outcome !== 'done') throw new Error(`not done: ${result.outcome}`)
  if (isExecutable(now.mode)) expect(sameDiskState(result.disk, now)).toBe(false)
}
