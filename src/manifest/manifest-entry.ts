import { privateFolderName } from '../model/relative-path.ts'

/** What a manifest says of one path. Blocks are in its text only: nothing that compares manifests needs them. */
export type ManifestEntry =
  | {
      readonly kind: 'file'
      /** `/` between names, relative to the folder, as the disk spells it: not always in Unicode form NFC. */
      readonly path: string
      readonly sizeBytes: number
      readonly mtimeNs: bigint
      /** Of the file's bytes: 64 lower-case hex digits, as `sha256sum` prints them. */
      readonly sha256: string
      readonly executable: boolean
    }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'symlink'; readonly path: string; readonly mtimeNs: bigint; readonly linkTarget: string }

/** A path that could not be read: what is at it and below it is not known. */
export interface ManifestProblem {
  readonly path: string
  readonly reason: string
}

/** A part of a manifest; the entries of all parts together are in path order ({@link comparePaths}). */
export interface ManifestPart {
  readonly entries: readonly ManifestEntry[]
  readonly problems: readonly ManifestProblem[]
}

/** The version of the format. */
export const manifestVersion = 1

/** Paths below a folder, in bytes of UTF-8; more than any system lets one call name. */
const entryPathBytesMax = 16 * 1024

/** Why `text` cannot be the path of an entry, or null when it can. */
export function entryPathProblem(text: string): string | null {
  if (text === '') return 'is empty'
  if (text.includes('\0')) return 'has a NUL character'
  if (!text.isWellFormed()) return 'is not valid Unicode'
  if (text.length > entryPathBytesMax || Buffer.byteLength(text) > entryPathBytesMax) {
    return `is longer than ${entryPathBytesMax} bytes`
  }
  if (text.split('/').some((name) => name === '' || name === '.' || name === '..')) return 'has an empty, . or .. name'
  return null
}

/** Whether an entry of this name is p2psync's own, at any depth: neither listed nor watched. */
export function isPrivateName(name: string): boolean {
  return name.length === privateFolderName.length && name.toLowerCase() === privateFolderName
}

/** Whether `path` is one of `places`, or below one. */
export function isAtOrBelow(path: string, places: ReadonlySet<string>): boolean {
  if (places.size === 0) return false
  for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
    if (places.has(path.slice(0, end))) return true
  }
  return places.has(path)
}
