import { errorText, systemCode } from '../model/errors.ts'
import type { StepResult } from '../ports/file-tasks.ts'

/** What we refuse ourselves, in the language of the disk: an error with a system's `code`. */
export class PathTrouble extends Error {
  override readonly name = 'PathTrouble'
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

/** The whole disk is in trouble, not one path: there is no use in going on. */
export function isDiskWide(code: string): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EROFS' || code === 'EIO'
}

/**
 * The result of a step that ended with `error`. Every path that the step still needed was there when it began, so the
 * disk's `ENOENT` means that somebody else was faster.
 *
 * @throws `error` itself when it has no system code: a bug is no trouble of the disk.
 */
export function resultOfTrouble(error: unknown): StepResult {
  const code = systemCode(error)
  if (code === '') throw error
  if (code === 'ENOENT' && !(error instanceof PathTrouble)) return { outcome: 'changed' }
  return { outcome: blocking.has(code) ? 'blocked' : 'failed', reason: reasonFor(error), code }
}

/** Undoes something: what cannot be undone leaves a second name too many, and nothing is lost. */
export function quietly(undo: () => void): void {
  try {
    undo()
  } catch (error) {
    if (systemCode(error) === '') throw error
  }
}

/** For a person: never an absolute path. */
export function reasonFor(error: unknown): string {
  if (error instanceof PathTrouble) return error.message
  const code = systemCode(error)
  return reasons.get(code) ?? (code === '' ? errorText(error) : `the system answered ${code}`)
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EBUSY', 'something else is using it'],
  ['EDQUOT', 'the quota is used up'],
  ['EEXIST', 'something else has this name'],
  ['EILSEQ', 'this disk cannot hold the name'],
  ['EINVAL', 'this disk cannot hold the name'],
  ['EIO', 'the disk reports an error'],
  ['EISDIR', 'a folder is there'],
  ['ELOOP', 'a parent is a symlink'],
  ['EMFILE', 'too many open files'],
  ['ENAMETOOLONG', 'the name is too long for this disk'],
  ['ENOSPC', 'the disk is full'],
  ['ENOTDIR', 'a parent is not a folder'],
  ['ENOTEMPTY', 'the folder is not empty'],
  ['ENOTUNIQ', 'this disk ignores case, and holds another entry under this name'],
  ['EPERM', 'the system does not permit it'],
  ['EROFS', 'the disk is read-only'],
  ['EXDEV', 'another file system is mounted there'],
])

const blocking: ReadonlySet<string> = new Set([
  'EEXIST',
  'EILSEQ',
  'EINVAL',
  'EISDIR',
  'ELOOP',
  'ENAMETOOLONG',
  'ENOTDIR',
  'ENOTEMPTY',
  'ENOTUNIQ',
  'EXDEV',
])
