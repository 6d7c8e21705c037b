import { errorText, systemCode } from '../model/errors.ts'

/** What is wrong with watching, in words for a person. */
export interface WatchTrouble {
  /** The system has no watches left: a limit that its owner can raise. */
  readonly isLimit: boolean
  readonly reason: string
  readonly hint: string
}

/** Explains an error of `fs.watch`, or of reading the folders that it is to watch. */
export function explainWatchError(error: unknown): WatchTrouble {
  const code = systemCode(error)
  if (code === 'ENOSPC') {
    return {
      isLimit: true,
      reason: 'the system has no inotify watches left for this many folders',
      hint: `Raise the limit: sudo sysctl fs.inotify.max_user_watches=1048576. ${scanned}`,
    }
  }
  if (code === 'EMFILE') {
    return {
      isLimit: true,
      reason: 'the system has no inotify instances or open files left for this user',
      hint: `Raise the limits: sudo sysctl fs.inotify.max_user_instances=1024, and ulimit -n. ${scanned}`,
    }
  }
  return { isLimit: false, reason: `watching failed: ${errorText(error)}`, hint: scanned }
}

const scanned = 'Until then changes are found by scanning from time to time.'
