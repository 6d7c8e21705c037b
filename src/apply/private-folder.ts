import { stagingFolder } from '../blocks/staged-file.ts'
import { assert } from '../model/errors.ts'
import { privateFolderName } from '../model/relative-path.ts'

/** Paths of our own, relative to the root as `InsideRoot` takes them. */
export const historyFolder = `${privateFolderName}/history`

/** The relative path of a staged file. `staged` must be one plain name. */
export function stagedPath(staged: string): string {
  assert(!['', '.', '..'].includes(staged) && !staged.includes('/'), 'a staged file has a plain name')
  return `${stagingFolder}/${staged}`
}

/** The relative path of the history of one apply. `name` must be of letters, digits, `.`, `_` and `-`. */
export function historyOf(name: string): string {
  assert(isHistoryName(name), `"${name}" is no name for history`)
  return `${historyFolder}/${name}`
}

export function isHistoryName(name: string): boolean {
  return /^[0-9A-Za-z_-][0-9A-Za-z._-]*$/.test(name)
}
