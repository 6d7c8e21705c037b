import picomatch from 'picomatch'
import type { FileRecord } from '../model/file-record.ts'
import type { FolderOrder } from '../model/folder-order.ts'

/**
 * What is transferred first: a place for each record, so that a queue sorts by it and nothing is weighed twice.
 *
 * Free things come before all, so that the tree stands at once. Then files: those that a pattern puts first, the rest,
 * those that a pattern puts last; and in each of these groups what was touched within the hour, small before larger,
 * newer before older. Ages are coarse and grow like a logarithm, and within one the path decides: files of one folder
 * come together, as the disk and the index like them. Large files have lanes of their own: see `chooseLane`.
 */

/** Where files of a size wait, and with whom they share a job. */
export type Lane = 'small' | 'medium' | 'large'

/** Up to here a file is small: many fit one job. */
export const smallBytesMax = 1024 * 1024
/** Up to here a file is of medium size; above, it is a job of its own. */
export const mediumBytesMax = 64 * 1024 * 1024

/** Places are compared by `order`, lower first, then by path. Those of equal `batch` may share a job. */
export interface TransferPlace {
  readonly lane: Lane
  /** 0 for what costs no bytes, then 1, 2 and 3: first, neither, last. A lower one goes before all of a higher one. */
  readonly group: number
  readonly batch: number
  readonly order: number
}

export type PlaceTransfer = (record: FileRecord, bytes: number, nowMs: number) => TransferPlace

/**
 * Makes the function that says where a record goes: `bytes` are those that have to be brought here, 0 when only
 * metadata differs; `nowMs` is this device's time of the day in milliseconds since 1970. A wrong one costs order only.
 */
export function transferOrder(order: FolderOrder): PlaceTransfer {
  const isFirst = pathMatcher(order.first)
  const isLast = pathMatcher(order.last)
  return (record, bytes, nowMs) => {
    if (record.kind === 'tombstone') return removal
    if (bytes === 0) return free
    const group = isFirst(record.path) ? 1 : isLast(record.path) ? 3 : 2
    const age = ageClass(record.mtimeNs, nowMs)
    const batch = group * 2 + (age === 0 ? 0 : 1)
    const size = bytes <= tinyBytesMax ? 0 : 1
    return { lane: laneOf(bytes), group, batch, order: (batch * 2 + size) * agesMax + age }
  }
}

/**
 * Says whether a path matches one of `patterns`. They are written as in an ignore file: `*` and `?` match within a name,
 * `**` across folders, `[a-z]` and `{a,b}` choices; one that starts with `/` holds from the top of the folder, any other
 * at every depth; one that matches a folder matches all that is in it. Case counts, and a leading `!` means nothing.
 */
export function pathMatcher(patterns: readonly string[]): (path: string) => boolean {
  const globs = patterns.flatMap(globsOf)
  return globs.length === 0 ? () => false : picomatch(globs, globOptions)
}

const free: TransferPlace = { lane: 'small', group: 0, batch: 0, order: 0 }
const removal: TransferPlace = { ...free, order: 1 }

const tinyBytesMax = 64 * 1024

/** An hour, a day, a week, a month, a year; anything older is of the last class. */
const agesMs = [1, 24, 7 * 24, 30 * 24, 365 * 24].map((hours) => hours * 60 * 60 * 1000)
const agesMax = 8

// Paths have no drive letters and no case to ignore, whatever this device runs on; hidden files are files.
const globOptions = { dot: true, nonegate: true, noextglob: true, windows: false }

function laneOf(bytes: number): Lane {
  return bytes <= smallBytesMax ? 'small' : bytes <= mediumBytesMax ? 'medium' : 'large'
}

/** What a clock ahead of ours has written counts as new. */
function ageClass(mtimeNs: bigint, nowMs: number): number {
  const ageMs = nowMs - Number(mtimeNs / 1_000_000n)
  const age = agesMs.findIndex((limitMs) => ageMs <= limitMs)
  return age < 0 ? agesMs.length : age
}

function globsOf(pattern: string): string[] {
  const glob = pattern
    .normalize('NFC')
    .replace(/^(\*\*\/)+/, '')
    .replace(/(\/\*\*)*\/*$/, '')
  if (glob === '') return pattern.includes('*') ? ['**'] : []
  const at = glob.startsWith('/') ? [glob.slice(1)] : [glob, `**/${glob}`]
  return at.flatMap((one) => [one, `${one}/**`])
}
