import { privateFolderName } from '../model/relative-path.ts'

/**
 * The path below `root` that a disk event at `path` asks to look at, '' for the root itself; null when it lies elsewhere or
 * in p2psync's own folder. Both paths are absolute, `root` without a slash at its end; on Windows with either slash.
 */
export function hintPath(root: string, path: string): string | null {
  if (!path.startsWith(root)) return null
  if (path.length === root.length) return ''
  const slash = path.charCodeAt(root.length)
  if (slash !== 47 && (slash !== 92 || process.platform !== 'win32')) return null
  const below = path.slice(root.length + 1)
  const relative = process.platform === 'win32' ? below.replaceAll('\\', '/') : below
  return isPrivateFolder(relative.split('/', 1)[0]!) ? null : hintOfSpelled(relative)
}

/** True when `name`, at the top of a synced folder, is p2psync's own folder: never watched, never synced. */
export function isPrivateFolder(name: string): boolean {
  return name.length === privateFolderName.length && name.toLowerCase() === privateFolderName
}

/**
 * What to look at when the entry at `relative` changed. A name that is not in NFC, or not in UTF-8, stands for the folder
 * that holds it: only a walk of that folder finds it.
 */
export function hintOfSpelled(relative: string): string {
  return plainPath.test(relative) ? relative : untilForeignName(relative)
}

const plainPath = /^[\u0020-\u007e]*$/

function untilForeignName(path: string): string {
  const names = path.split('/')
  const foreign = names.findIndex((name) => name.includes('\uFFFD') || name.normalize('NFC') !== name)
  return foreign < 0 ? path : names.slice(0, foreign).join('/')
}
