import { linkTargetBytesMax } from './limits.ts'
import { parentPath, type RelativePath } from './relative-path.ts'

/**
 * Why a symlink at `path` with this target is not synced, or null when it may be: a target must be relative and, read as
 * text, must not leave the folder. Nothing is resolved on a disk, so other links in the way do not count.
 */
export function linkTargetProblem(path: RelativePath, target: string): string | null {
  if (target === '' || target.includes('\0')) return 'its target is not a path'
  if (!target.isWellFormed() || target.includes('\uFFFD')) return 'its target is not valid Unicode'
  if (Buffer.byteLength(target) > linkTargetBytesMax) return `its target is longer than ${linkTargetBytesMax} bytes`
  if (target.startsWith('/') || target.startsWith('\\') || /^[A-Za-z]:/.test(target)) return 'its target is absolute'
  let depth = parentPath(path)?.split('/').length ?? 0
  for (const segment of target.split('/')) {
    if (segment === '..') depth--
    else if (segment !== '' && segment !== '.') depth++
    if (depth < 0) return 'its target lies outside of the folder'
  }
  return null
}
