import type { DiskState } from '../model/disk-state.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { PathTrouble, quietly } from './path-trouble.ts'
import { keptState, placeToKeep } from './place.ts'
import { isStill, moveAway, saveOld, type Saved } from './save-old.ts'
import { changed, done, doneAway, lookAgain, type StepRun } from './step-run.ts'

type Remove = Extract<ApplyStep, { type: 'remove' }>
type RemoveFolder = Extract<ApplyStep, { type: 'remove-folder' }>
type MakeFolder = Extract<ApplyStep, { type: 'make-folder' }>

/** Takes a file or symlink away: into history, or to its kept name, which it gets before it loses the old one. */
export function* remove(run: StepRun, step: Remove): Generator<void, StepResult> {
  const { path, expect, keepAs } = step
  if (expect.kind === 'folder') throw new PathTrouble('EISDIR', 'a folder is there')
  if (lookAgain(run, path, expect) === null) return changed
  const keep = yield* placeToKeep(run, { target: run.inside.absolute(path), expect, keepAs })
  const target = lookAgain(run, path, expect)
  if (target === null) return changed
  let kept: Saved | null = null
  if (keep?.holds === 'free') {
    kept = saveOld(run.disk, { target, expect, freePlace: () => keep.at })
    if (kept === null) return changed
    run.touched.nameIn(keep.at)
  }
  if (kept?.moved !== true) {
    const away = takeToHistory(run, { path, target, expect, kept })
    if (away === null) return changed
    // The bytes have their name; without one, history is it.
    if (kept !== null || keep?.holds === 'same') quietly(() => run.disk.unlink(away))
    else {
      run.touched.nameIn(target)
      return doneAway(run, away, null)
    }
  }
  run.touched.nameIn(target)
  return done(null, keep === null ? null : keptState(run, keep, expect))
}

/** Removes an empty folder. One that is gone already is a success. */
export function removeFolder(run: StepRun, step: RemoveFolder): StepResult {
  const target = run.inside.locate(step.path)
  if (target === null || run.disk.lstat(target) === null) {
    run.inside.forget(step.path)
    return done(null)
  }
  if (step.expect.kind !== 'folder' || lookAgain(run, step.path, step.expect) === null) return changed
  run.disk.removeFolder(target)
  run.inside.forget(step.path)
  run.touched.nameIn(target)
  return done(null)
}

/** Makes a folder. One that is there already is a success; a file or symlink goes to history first. */
export function makeFolder(run: StepRun, step: MakeFolder): StepResult {
  const { path, expect } = step
  const located = run.inside.locate(path)
  const entry = located === null ? null : run.disk.lstat(located)
  if (entry?.kind === 'folder') return done(entry)
  const target = lookAgain(run, path, expect)
  if (target === null) return changed
  run.inside.forget(path)
  const old = expect === null ? null : moveOldAway(run, { path, target, expect })
  if (expect !== null && old === null) return changed
  try {
    run.inside.makeParents(`${path}/x`)
  } catch (error) {
    old?.undo()
    throw error
  }
  const made = run.disk.lstat(target)
  if (made?.kind !== 'folder') return changed
  return old === null || old.at === null ? done(made) : doneAway(run, old.at, made)
}

interface Departure {
  readonly path: RelativePath
  readonly target: string
  readonly expect: DiskState
}

function moveOldAway(run: StepRun, { path, target, expect }: Departure): Saved | null {
  const away = moveAway(run.disk, { target, expect, freePlace: () => run.shelf.freePlace(path) })
  if (away?.at) run.touched.nameIn(away.at)
  return away
}

/** The name in history, or null when something else was there by then. */
function takeToHistory(run: StepRun, options: Departure & { readonly kept: Saved | null }): string | null {
  try {
    const away = moveOldAway(run, options)
    if (away === null) options.kept?.undo()
    return away?.at ?? null
  } catch (error) {
    // What could not be put back either has no other name that a user sees.
    quietly(() => {
      if (isStill(run.disk, options.target, options.expect)) options.kept?.undo()
    })
    throw error
  }
}
