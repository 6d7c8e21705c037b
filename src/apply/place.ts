import { isExecutable, sameFileIdentity, type DiskState } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import { linkTargetProblem } from '../model/link-target.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { findKeepPlace, type KeepPlace } from './keep-place.ts'
import { PathTrouble, quietly } from './path-trouble.ts'
import { stagedPath } from './private-folder.ts'
import { lacksHardLinks, saveOld, undoUnlessGone, type Saved } from './save-old.ts'
import { changed, done, doneAway, lookAgain, stateAfter, withExecutable, type StepRun } from './step-run.ts'

type PlaceFile = Extract<ApplyStep, { type: 'place-file' }>
type PlaceLink = Extract<ApplyStep, { type: 'place-link' }>

/**
 * Puts a staged file in place. Where nothing is, by a hard link, which fails when somebody was faster; a kill right after it
 * leaves the staged name as well. Where something is, by one rename, the old version having got its second name before.
 *
 * Between the last look and the rename lies one system call: whoever replaces the path by another file in that instant
 * loses it. Nothing that Node offers closes that gap.
 */
export function* placeFile(run: StepRun, step: PlaceFile): Generator<void, StepResult> {
  const source = stagedAt(run, step.staged)
  const staged = run.disk.lstat(source)
  if (staged?.kind !== 'file') throw stagedIsMissing()
  return yield* place(run, {
    ...step,
    source,
    prepare: () => (step.expect?.kind === 'file' ? takeOverMode(run, { source, staged, old: step.expect }) : staged),
    giveUp: () => undefined,
    placeNew: (target) => (linkNew(run, { path: step.path, source, target }) ? staged : null),
  })
}

/** Makes a symlink where nothing is; elsewhere under a staged name, and puts it in place like a file. */
export function* placeLink(run: StepRun, step: PlaceLink): Generator<void, StepResult> {
  const problem = linkTargetProblem(step.path, step.target)
  if (problem !== null) throw new PathTrouble('EINVAL', problem)
  const source = stagedAt(run, stagedLink)
  const giveUp = (): void =>
    quietly(() => {
      if (run.disk.lstat(source) !== null) run.disk.unlink(source)
    })
  const prepare = (): DiskState => {
    giveUp()
    run.disk.makeLink(source, step.target)
    run.disk.setLinkMtime(source, step.mtimeNs)
    const state = run.disk.lstat(source)
    if (state?.kind !== 'symlink') throw stagedIsMissing()
    return state
  }
  const placeNew = (target: string): DiskState | null => {
    run.disk.makeLink(target, step.target)
    run.disk.setLinkMtime(target, step.mtimeNs)
    const state = run.disk.lstat(target)
    return state?.kind === 'symlink' ? state : null
  }
  return yield* place(run, { ...step, source, prepare, giveUp, placeNew })
}

interface Placement {
  readonly path: RelativePath
  readonly isDamaged?: boolean
  readonly expect: DiskState | null
  readonly keepAs: RelativePath | null
  /** Absolute path of what is to be put in place. */
  readonly source: string
  /** Makes `source` ready and tells its state; no slice ends between this and the rename. Not needed for `placeNew`. */
  prepare(): DiskState
  /** Cleans up after `prepare` when nothing came of it. */
  giveUp(): void
  /** Puts it where nothing is and tells its state; null, or `EEXIST`, when somebody was faster. */
  placeNew(target: string): DiskState | null
}

function* place(run: StepRun, placement: Placement): Generator<void, StepResult> {
  const { path, expect, keepAs } = placement
  // The kept name is only looked for, and its parents made, where there is something to keep.
  if (keepAs !== null && lookAgain(run, path, expect) === null) return changed
  const keep = yield* placeToKeep(run, { target: run.inside.absolute(path), expect, keepAs })
  try {
    const prepared = expect === null ? null : placement.prepare()
    const target = expect === null ? run.inside.makeParents(path) : lookAgain(run, path, expect)
    const saved = target === null ? null : save(run, { ...placement, target, keep })
    const state = target === null || saved === null ? null : putInPlace(run, placement, { prepared, target, saved })
    if (target === null || saved === null || state === null) {
      placement.giveUp()
      return changed
    }
    // A mode is the user's own: taken for ours, it would never be told.
    const isOurs = (now: DiskState): boolean => sameFileIdentity(now, state) && now.mode === state.mode
    const placed = stateAfter(run.disk, target, { isOurs, otherwise: state })
    if (keep === null && saved.at !== null) return doneAway(run, saved.at, placed)
    return done(placed, keep === null || expect === null ? null : keptState(run, keep, expect))
  } catch (error) {
    placement.giveUp()
    throw error
  }
}

interface Putting {
  /** Null when there is only a new place to put it. */
  readonly prepared: DiskState | null
  readonly target: string
  readonly saved: Saved
}

/** The state of what is in place now; null, with nothing changed, when something had come to a place that was free. */
function putInPlace(run: StepRun, placement: Placement, { prepared, target, saved }: Putting): DiskState | null {
  run.inside.forget(placement.path)
  run.touched.nameIn(target)
  run.touched.nameIn(placement.source)
  const isFree = prepared === null || saved.moved
  try {
    if (!isFree) {
      run.disk.rename(placement.source, target)
      return prepared
    }
    const state = placement.placeNew(target)
    if (state === null) saved.undo()
    else if (prepared !== null) placement.giveUp()
    return state
  } catch (error) {
    undoUnlessGone(run.disk, placement.source, saved)
    if (isFree && systemCode(error) === 'EEXIST') return null
    throw error
  }
}

/** False when something is at the target. */
function linkNew(
  run: StepRun,
  names: { readonly path: RelativePath; readonly source: string; readonly target: string },
): boolean {
  const { path, source, target } = names
  if (run.hardLinks.work) {
    try {
      run.disk.hardLink(source, target)
      quietly(() => run.disk.unlink(source))
      // Who waits until a new file is written to its end, as many programs do, hears of no link.
      quietly(() => run.disk.close(run.disk.openWrite(target)))
      return true
    } catch (error) {
      if (!lacksHardLinks(error)) throw error
      run.hardLinks.work = false
    }
  }
  if (lookAgain(run, path, null) === null) return false
  run.disk.rename(source, target)
  return true
}

/** Where the old version is to be kept, or null when history is the place: none was asked for, or there is nothing. */
export function* placeToKeep(
  run: StepRun,
  request: { readonly target: string; readonly expect: DiskState | null; readonly keepAs: RelativePath | null },
): Generator<void, KeepPlace | null> {
  const { target, expect, keepAs } = request
  if (keepAs === null || expect === null || expect.kind === 'folder') return null
  return yield* findKeepPlace(run, { target, expect, keepAs })
}

/** What is at the kept name now. Its owner may have edited it since: then the old state, which asks for another look. */
export function keptState(run: StepRun, keep: KeepPlace, old: DiskState): DiskState {
  const isOurs = (now: DiskState): boolean =>
    keep.holds === 'twin' || old.kind === 'symlink' ? now.kind === old.kind : sameFileIdentity(now, old)
  return stateAfter(run.disk, keep.at, { isOurs, otherwise: old })
}

interface SaveOptions {
  readonly path: RelativePath
  readonly target: string
  readonly expect: DiskState | null
  readonly keep: KeepPlace | null
  readonly isDamaged?: boolean
}

function save(run: StepRun, options: SaveOptions): Saved | null {
  const { path, target, expect, keep, isDamaged = false } = options
  if (expect === null || keep?.holds === 'same') return nothingSaved
  const freePlace = (): string => (keep?.holds === 'free' ? keep.at : run.shelf.freePlace(path))
  const saved = saveOld(run.disk, { target, expect, freePlace, byCopy: isDamaged })
  if (saved !== null && saved.at !== null) run.touched.nameIn(saved.at)
  return saved
}

/** Group and others keep what the old file gave them; the executable bit is the new one's. */
function takeOverMode(
  run: StepRun,
  files: { readonly source: string; readonly staged: DiskState; readonly old: DiskState },
): DiskState {
  const { source, staged, old } = files
  const mode = withExecutable((old.mode & 0o777) | 0o400, isExecutable(staged.mode))
  if (mode === staged.mode) return staged
  const handle = run.disk.openRead(source)
  try {
    run.disk.setMode(handle, mode)
    run.disk.sync(handle)
    const state = run.disk.fstat(handle)
    if (state.kind !== 'file') throw stagedIsMissing()
    return state
  } finally {
    run.disk.close(handle)
  }
}

function stagedAt(run: StepRun, staged: string): string {
  const source = run.inside.locate(stagedPath(staged))
  if (source === null) throw stagedIsMissing()
  return source
}

function stagedIsMissing(): PathTrouble {
  return new PathTrouble('ENOENT', 'its staged file is missing')
}

// `listStaged` shows one that a crash left behind, so that it is discarded with the rest.
const stagedLink = 'new-link'
const nothingSaved: Saved = { at: null, moved: false, undo: () => undefined }
