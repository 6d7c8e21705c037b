import { privateFolderName } from '../model/relative-path.ts'

/**
 * The path below `root` that a disk event at `path` asks to look at, '' for the root itself; null when it lies elsewhere or
 * in p2psync's own folder.
 *
 * A name that is not in NFC stands for the folder that holds it: only a walk of that folder finds it. Both paths are
 * absolute, `root` without a slash at its end; on Windows with either slash.
 */
export function hintPath(root: string, path: string): string | null {
  if (!path.startsWith(root)) return null
  if (path.length === root.length) return ''
  const slash = path.charCodeAt(root.length)
  if (slash !== 47 && (slash !== 92 || process.platform !== 'win32')) return null
  const below = path.slice(root.length + 1)
  const relative = process.platform === 'win32' ? below.replaceAll('\\', '/') : below
  const top = relative.split('/', 1)[0]!
  if (top.toLowerCase() === privateFolderName) return null
  return plainPath.test(relative) ? relative : untilForeignName(relative)
}

const plainPath = /^[\u0020-\u007e]*$/

function untilForeignName(path: string): string {
  if (path.normalize('NFC') === path) return path
  const names = path.split('/')
  return names
    .slice(
      0,
      names.findIndex((name) => name.normalize('NFC') !== name),
    )
    .join('/')
}
