import { isExecutable, sameFileIdentity, type DiskState } from '../model/disk-state.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { DiskEntry } from '../ports/disk.ts'
import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { quietly } from './path-trouble.ts'
import { saveOld, undoUnlessGone, type Saved } from './save-old.ts'
import { changed, done, doneAway, lookAgain, type StepRun } from './step-run.ts'
import { setMetadata } from './set-metadata.ts'

type MoveFolder = Extract<ApplyStep, { type: 'move-folder' }>
type MoveFile = Extract<ApplyStep, { type: 'move-file' }>

/**
 * Gives a folder another path by one rename, with everything in it. Only the folder itself is looked at: what somebody
 * has changed in it goes along, and is found at its new place.
 */
export function moveFolder(run: StepRun, step: MoveFolder): StepResult {
  const source = lookAgain(run, step.from, step.expect)
  if (source === null || step.expect.kind !== 'folder') return changed
  if (run.inside.locate(step.path) === null) return changed
  // Right before the rename, which would replace an empty folder.
  const target = lookAgain(run, step.path, null)
  if (target === null) return changed
  run.inside.forget()
  run.disk.rename(source, target)
  run.touched.nameIn(source)
  run.touched.nameIn(target)
  const moved = lookOrPutBack(run, source, target)
  return moved?.kind === 'folder' && moved.inode === step.expect.inode ? done(moved) : changed
}

function lookOrPutBack({ disk }: StepRun, source: string, target: string): DiskEntry | null {
  try {
    return disk.lstat(target)
  } catch (error) {
    quietly(() => {
      if (disk.lstat(source) === null) disk.rename(target, source)
    })
    throw error
  }
}

/**
 * Gives a file another path by one rename, and the time and executable bit that it has there. What was at the new path
 * goes to history. When the file turns out to be another by then, it is put back.
 */
export function moveFile(run: StepRun, step: MoveFile): StepResult {
  const { path, from, fromExpect, expect } = step
  if (expect?.kind === 'folder' || lookAgain(run, from, fromExpect) === null) return changed
  if (expect === null) run.inside.makeParents(path)
  const target = lookAgain(run, path, expect)
  const source = lookAgain(run, from, fromExpect)
  if (target === null || source === null) return changed
  const saved = expect === null ? nothingSaved : saveTarget(run, { path, target, expect })
  if (saved === null) return changed
  run.inside.forget(path)
  try {
    run.disk.rename(source, target)
  } catch (error) {
    undoUnlessGone(run.disk, source, saved)
    throw error
  }
  try {
    run.touched.nameIn(source)
    run.touched.nameIn(target)
    const moved = run.disk.lstat(target)
    if (moved?.kind === 'file' && sameFileIdentity(moved, fromExpect)) {
      const result = finishMove(run, step, moved)
      return result.outcome === 'done' && saved.at !== null ? doneAway(run, saved.at, result.disk) : result
    }
  } catch (error) {
    quietly(() => putBack(run, { source, target, saved }))
    throw error
  }
  quietly(() => putBack(run, { source, target, saved }))
  return changed
}

function finishMove(run: StepRun, { path, mtimeNs, executable }: MoveFile, moved: DiskState): StepResult {
  const isGiven = sameTime(mtimeNs, moved.mtimeNs) && executable === isExecutable(moved.mode)
  return isGiven ? done(moved) : setMetadata(run, { type: 'set-metadata', path, expect: moved, mtimeNs, executable })
}

/** Node sets times to a microsecond. */
function sameTime(a: bigint, b: bigint): boolean {
  return a - b < 1000n && b - a < 1000n
}

/** Somebody wrote to the file in the instant of its move: it is theirs to move. Or it could not be finished. */
function putBack(
  run: StepRun,
  names: { readonly source: string; readonly target: string; readonly saved: Saved },
): void {
  const { source, target, saved } = names
  if (run.disk.lstat(target) === null || run.disk.lstat(source) !== null) return
  run.disk.rename(target, source)
  if (saved.at !== null && !saved.moved) run.disk.hardLink(saved.at, target)
  saved.undo()
}

function saveTarget(
  run: StepRun,
  old: { readonly path: RelativePath; readonly target: string; readonly expect: DiskState },
): Saved | null {
  const saved = saveOld(run.disk, {
    target: old.target,
    expect: old.expect,
    freePlace: () => run.shelf.freePlace(old.path),
  })
  if (saved !== null && saved.at !== null) run.touched.nameIn(saved.at)
  return saved
}

const nothingSaved: Saved = { at: null, moved: false, undo: () => undefined }
