import { errorText, systemCode } from '../model/errors.ts'

/** True for what the disk threw (`ENOENT`, `EIO`, ...), false for a bug of ours. */
export function isDiskTrouble(error: unknown): boolean {
  return /^E[A-Z0-9]+$/.test(systemCode(error))
}

/** What `action` returns, or null when the disk throws. */
export function unlessDiskTrouble<Result>(action: () => Result): Result | null {
  try {
    return action()
  } catch (error) {
    if (isDiskTrouble(error)) return null
    throw error
  }
}

/** Why a file cannot be read, as a person understands it. */
export function readFailureReason(error: unknown): string {
  const code = systemCode(error)
  const reason = reasons.get(code)
  return reason === undefined ? errorText(error) : `${reason} (${code})`
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'this user may not read it'],
  ['EPERM', 'this user may not read it'],
  ['EIO', 'the disk reported a read error'],
  ['EMFILE', 'too many files are open'],
  ['ENFILE', 'too many files are open'],
  ['ENAMETOOLONG', 'its name is too long for this disk'],
  ['EBUSY', 'another program has locked it'],
  ['ETIMEDOUT', 'the disk did not answer in time'],
  ['ESTALE', 'the network drive that holds it was disconnected'],
])
