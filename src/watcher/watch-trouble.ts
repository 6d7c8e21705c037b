import { errorText, systemCode } from '../model/errors.ts'
import type { WatchedDisk } from './watched-disk.ts'

/** What is wrong with watching, in words for a person. */
export interface WatchTrouble {
  readonly reason: string
  readonly hint: string
}

/** True when the system has no watches left: a limit that its owner can raise. */
export function isLimitError(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOSPC' || code === 'EMFILE'
}

/**
 * Explains an error of `fs.watch`, or of reading the folder at `path` below the root that is to be watched; with the limits
 * that hold now.
 */
export function explainWatchError(error: unknown, disk: Pick<WatchedDisk, 'readNumber'>, path = ''): WatchTrouble {
  const code = systemCode(error)
  if (code === 'ENOSPC') {
    const { setting, now } = lowestOf(disk, ['fs.inotify.max_user_watches', 'user.max_inotify_watches'])
    const limit = now === null ? 'the limit' : `the limit of ${now}`
    return {
      reason: `some folders are not watched: the system has no inotify watches left for this user (${limit} is ${setting})`,
      hint: `${raise(setting, Math.max(watchesWanted, 2 * (now ?? 0)))} ${scanned}`,
    }
  }
  if (code === 'EMFILE') {
    const { setting, now } = lowestOf(disk, ['fs.inotify.max_user_instances', 'user.max_inotify_instances'])
    const limit = now === null ? 'the limit' : `the limit of ${now}`
    return {
      reason: `the folder is not watched: the system has no inotify instances left for this user (${limit} is ${setting}), or no open files`,
      hint: `${raise(setting, Math.max(instancesWanted, 2 * (now ?? 0)))} Or raise ulimit -n. ${scanned}`,
    }
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const folder = path === '' ? 'the folder' : `"${path}"`
    return { reason: `${folder} cannot be watched: this user may not read it`, hint: scanned }
  }
  return { reason: `watching failed: ${errorText(error)}`, hint: scanned }
}

const scanned = 'Until then changes are found by scanning from time to time.'
/** About 1 KB of the kernel's memory each, and only when used. */
const watchesWanted = 1_048_576
const instancesWanted = 1024

function raise(setting: string, value: number): string {
  const line = `${setting}=${value}`
  return `Raise the limit: sudo sysctl ${line}; to keep it after a restart: echo ${line} | sudo tee /etc/sysctl.d/60-p2psync.conf.`
}

// A container or user namespace has limits of its own below those of the system.
function lowestOf(
  disk: Pick<WatchedDisk, 'readNumber'>,
  settings: readonly [string, string],
): { readonly setting: string; readonly now: number | null } {
  const [system, own] = settings.map((setting) => ({
    setting,
    now: disk.readNumber(`/proc/sys/${setting.replaceAll('.', '/')}`),
  })) as [{ setting: string; now: number | null }, { setting: string; now: number | null }]
  return own.now !== null && system.now !== null && own.now < system.now ? own : system
}
