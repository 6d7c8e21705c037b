import { P2psyncError } from './errors.ts'
import { pathBytesMax } from './limits.ts'

/**
 * The name of an entry inside a folder: NFC, segments joined by `/`, relative, at most 4,096 bytes of UTF-8; no
 * empty, `.` or `..` segment, no NUL, no lone surrogate, and never inside `.p2psync`, which is ours.
 */
export type RelativePath = string & { readonly __brand: 'RelativePath' }

/** The folder of p2psync's own files in every synced folder. */
export const privateFolderName = '.p2psync'

/** Why `text` is no relative path, or null when it is one. */
export function relativePathProblem(text: string): string | null {
  if (text === '') return 'it is empty'
  if (text.includes('\0')) return 'it has a NUL character'
  if (!text.isWellFormed()) return 'it is not valid Unicode'
  if (Buffer.byteLength(text) > pathBytesMax) return `it is longer than ${pathBytesMax} bytes`
  if (text.normalize('NFC') !== text) return 'it is not in Unicode form NFC'
  const segments = text.split('/')
  for (const segment of segments) {
    if (segment === '') return 'it has an empty segment'
    if (segment === '.' || segment === '..') return `it has the segment "${segment}"`
  }
  // Compared without case: on a case-insensitive disk `.P2PSYNC` is the same folder.
  if (segments[0]!.toLowerCase() === privateFolderName) return `${privateFolderName} is p2psync's own folder`
  return null
}

export function isRelativePath(text: string): text is RelativePath {
  return relativePathProblem(text) === null
}

/** @throws {P2psyncError} `bad-path` with the reason. Nothing is repaired. */
export function parseRelativePath(text: string): RelativePath {
  const problem = relativePathProblem(text)
  if (problem !== null) throw new P2psyncError('bad-path', `"${text}" is not a path inside the folder: ${problem}`)
  return text as RelativePath
}

/** The folder that holds `path`, or null at the top. */
export function parentPath(path: RelativePath): RelativePath | null {
  const slash = path.lastIndexOf('/')
  return slash < 0 ? null : (path.slice(0, slash) as RelativePath)
}

/** The last segment of `path`. */
export function baseName(path: RelativePath): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** True when `path` lies below `folder`. */
export function isBelow(path: RelativePath, folder: RelativePath): boolean {
  return path.length > folder.length && path.startsWith(folder) && path.charCodeAt(folder.length) === 47
}

/**
 * The bytes that order paths: UTF-8 with `/` as NUL, so that a folder comes right before what it holds and a sorted
 * list is the pre-order walk of the tree.
 */
export function pathKey(path: RelativePath): Uint8Array {
  return Buffer.from(path.replaceAll('/', '\0'), 'utf8')
}

/** The inverse of {@link pathKey}. `key` must come from it. */
export function pathFromKey(key: Uint8Array): RelativePath {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('utf8').replaceAll('\0', '/') as RelativePath
}

/** Orders paths as their {@link pathKey}s are ordered: negative, zero or positive. */
export function comparePaths(a: RelativePath, b: RelativePath): number {
  const length = Math.min(a.length, b.length)
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    if (x !== y) return codeUnitRank(x) - codeUnitRank(y)
  }
  return a.length - b.length
}

// UTF-16 sorts surrogates (astral characters) before U+E000..U+FFFF, UTF-8 after them.
function codeUnitRank(unit: number): number {
  if (unit === 47) return 0
  if (unit >= 0xe000) return unit - 0x800
  if (unit >= 0xd800) return unit + 0x2000
  return unit
}
