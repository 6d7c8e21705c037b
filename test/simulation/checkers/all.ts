import type { CheckedRun } from './checked-run.ts'
import { confinement } from './confinement.ts'
import { conflictCopies } from './conflict-copies.ts'
import { convergence } from './convergence.ts'
import { honestIndex } from './honest-index.ts'
import { merkleRoot } from './merkle-root.ts'
import { noInvention } from './no-invention.ts'
import { noSilentLoss } from './no-silent-loss.ts'
import { noStrayFiles } from './no-stray-files.ts'
import { rest } from './rest.ts'

/** In their order: the others look at devices that have come to rest. */
export const checkers: readonly ((run: CheckedRun) => string[] | Promise<string[]>)[] = [
  convergence,
  rest,
  noSilentLoss,
  noInvention,
  conflictCopies,
  honestIndex,
  merkleRoot,
  noStrayFiles,
  confinement,
]
