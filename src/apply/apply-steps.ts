import { sameFileIdentity } from '../model/disk-state.ts'
import { systemCode } from '../model/errors.ts'
import { relativePathProblem } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { ApplyStep, StepResult, StepTrouble } from '../ports/file-tasks.ts'
import { HistoryShelf } from './history.ts'
import { InsideRoot } from './inside.ts'
import { moveFile, moveFolder } from './move.ts'
import { isDiskWide, PathTrouble, quietly, reasonFor, resultOfTrouble } from './path-trouble.ts'
import { placeFile, placeLink } from './place.ts'
import { checkTree, removeTree } from './remove-tree.ts'
import { removeSecondName } from './second-name.ts'
import { setMetadata } from './set-metadata.ts'
import type { StepRun } from './step-run.ts'
import { makeFolder, remove, removeFolder } from './take-away.ts'
import { Touched } from './touched.ts'

/**
 * Does `steps` in their order under the absolute path `root` and tells the outcome of each; what is `done` is durable.
 *
 * Each step looks again at its path, acts only when it finds what it expects, and leaves the path as it was when it
 * cannot be done. Steps do not depend on each other's success, but a disk that is full, read-only or broken ends the
 * run: what is left gets the same result untried. When the flush at the end fails, nothing is `done`: the disk may hold
 * the new versions, but nobody may say so.
 *
 * The state in a result was read right after the act, and is the state of what was put there: when somebody has edited
 * it since, the next look finds a difference.
 *
 * Slices end after 200 steps or 8 MiB of comparing. `history` is a name of letters, digits, `.`, `_` and `-` that sorts
 * by time: old versions go to `.p2psync/history/<history>/<path>`.
 */
export function* applySteps(
  disk: Disk,
  root: string,
  steps: readonly ApplyStep[],
  options: { readonly history: string },
): Generator<void, StepResult[]> {
  const run = openRun(disk, root, options.history)
  const results: StepResult[] = []
  let ending: StepResult | null = null
  for (const step of steps) {
    const result: StepResult = ending ?? (yield* attempt(run, step))
    results.push(result)
    if (result.outcome === 'failed' && isDiskWide(result.code)) ending = { ...result, left: [] }
    if (results.length % sliceSteps !== 0) continue
    yield
    run.inside.forget()
  }
  const failures = yield* run.touched.flush()
  for (const error of failures.values()) return results.map((result) => notDurable(result, error))
  return results
}

function openRun(disk: Disk, root: string, history: string): StepRun {
  const touched = new Touched(disk, root)
  const inside = new InsideRoot(disk, root, touched)
  return {
    disk,
    inside,
    touched,
    shelf: new HistoryShelf(inside, history),
    hardLinks: { work: true },
    found: new Map(),
  }
}

function* attempt(run: StepRun, step: ApplyStep): Generator<void, StepResult> {
  run.found.clear()
  try {
    checkPath(step.path)
    if ('keepAs' in step && step.keepAs !== null) checkPath(step.keepAs)
    if ('from' in step) checkPath(step.from)
    if ('other' in step) checkPath(step.other)
    return yield* act(run, step)
  } catch (error) {
    // What a failed call has done to a folder that was known, nobody knows.
    run.inside.forget()
    const result = resultOfTrouble(error)
    if (result.outcome !== 'failed' && result.outcome !== 'blocked') return result
    const left = filesLeft(run)
    return left.length === 0 ? result : { ...result, left }
  }
}

/** What was given a second name, and lost it again, is the file that it was: only its change time tells of it. */
function filesLeft({ disk, inside, found }: StepRun): LeftFile[] {
  const left: LeftFile[] = []
  for (const [path, before] of found) {
    quietly(() => {
      const located = inside.locate(path)
      const now = located === null ? null : disk.lstat(located)
      const isSame = now?.kind === 'file' && sameFileIdentity(now, before) && now.mode === before.mode
      if (isSame && now.ctimeNs !== before.ctimeNs) left.push({ path, disk: now })
    })
  }
  return left
}

function* act(run: StepRun, step: ApplyStep): Generator<void, StepResult> {
  if (step.type === 'make-folder') return makeFolder(run, step)
  if (step.type === 'place-file') return yield* placeFile(run, step)
  if (step.type === 'place-link') return yield* placeLink(run, step)
  if (step.type === 'set-metadata') return setMetadata(run, step)
  if (step.type === 'move-folder') return moveFolder(run, step)
  if (step.type === 'move-file') return moveFile(run, step)
  if (step.type === 'check-tree') return yield* checkTree(run, step)
  if (step.type === 'remove-tree') return yield* removeTree(run, step)
  if (step.type === 'remove') return yield* remove(run, step)
  if (step.type === 'remove-second-name') return removeSecondName(run, step)
  return removeFolder(run, step)
}

function checkPath(path: string): void {
  const problem = relativePathProblem(path)
  if (problem !== null) throw new PathTrouble('EINVAL', `it is not a path inside the folder: ${problem}`)
}

function notDurable(result: StepResult, error: unknown): StepResult {
  if (result.outcome !== 'done') return result
  return { outcome: 'failed', reason: reasonFor(error), code: systemCode(error) }
}

type LeftFile = NonNullable<StepTrouble['left']>[number]

const sliceSteps = 200
