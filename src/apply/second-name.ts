import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { quietly } from './path-trouble.ts'
import { isStill, moveAway, unlessChanged } from './save-old.ts'
import { changed, done, lookAgain, type StepRun } from './step-run.ts'

type RemoveSecondName = Extract<ApplyStep, { type: 'remove-second-name' }>

/**
 * Takes one of the two names of a file away, of which the other stays.
 *
 * It goes through history: what somebody has put under the name meanwhile is put back, and so is the file when its other
 * name has become that of something else. A kill in between leaves it in history as well.
 */
export function removeSecondName(run: StepRun, step: RemoveSecondName): StepResult {
  const { path, expect, other } = step
  const stays = lookAgain(run, other, expect)
  const target = lookAgain(run, path, expect)
  if (expect.kind !== 'file' || stays === null || target === null) return changed
  const away = moveAway(run.disk, { target, expect, freePlace: () => run.shelf.freePlace(path) })
  const spare = away === null ? null : unlessChanged(away, () => isStill(run.disk, stays, expect))
  if (spare === null || spare.at === null) return changed
  const { at } = spare
  for (const name of [at, stays, target]) run.touched.nameIn(name)
  quietly(() => run.disk.unlink(at))
  return done(null)
}
