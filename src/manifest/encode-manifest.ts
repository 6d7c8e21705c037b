import type { BlockHash } from '../model/block-hash.ts'
import { manifestVersion, type ManifestEntry, type ManifestProblem } from './manifest-entry.ts'

/**
 * The text of a manifest: one JSON object in which each entry is a line of its own, so that it can be written and read
 * as a stream and compared by line.
 *
 * A head line that opens `entries`, the entries with `,\n` between two, a line that opens `problems`, those alike, and a
 * last line with totals: a manifest without it was cut off.
 */
export function headLine(head: { readonly folder: string; readonly createdAtMs: number }): string {
  const fields = {
    p2psyncManifest: manifestVersion,
    folder: head.folder,
    createdAt: new Date(head.createdAtMs).toISOString(),
  }
  return `${JSON.stringify(fields).slice(0, -1)},"entries":[\n`
}

/** `blocks` are those of a file as {@link blockText}s with `,` between two, or null to leave them out. No line break. */
export function entryLine(entry: ManifestEntry, blocks: string | null = null): string {
  const start = `{"path":${JSON.stringify(entry.path)},"kind":"${entry.kind}"`
  switch (entry.kind) {
    case 'folder':
      return `${start}}`
    case 'symlink':
      return `${start}${timeFields(entry.mtimeNs)},"linkTarget":${JSON.stringify(entry.linkTarget)}}`
    case 'file':
      break
  }
  const { sizeBytes, mtimeNs, sha256, executable } = entry
  const blocksField = blocks === null ? '' : `,"blocks":[${blocks}]`
  const content = `"sha256":"${sha256}","executable":${executable}${blocksField}`
  return `${start},"sizeBytes":${sizeBytes}${timeFields(mtimeNs)},${content}}`
}

/** One block of a file. */
export function blockText(hash: BlockHash, lengthBytes: number): string {
  return `["${hash}",${lengthBytes}]`
}

export const problemsLine = '],"problems":[\n'

export function problemLine({ path, reason }: ManifestProblem): string {
  return JSON.stringify({ path, reason })
}

/** What a manifest ends with. */
export interface ManifestTotals {
  readonly files: number
  readonly folders: number
  readonly links: number
  readonly bytes: number
}

export function endLine({ files, folders, links, bytes }: ManifestTotals): string {
  return `],"files":${files},"folders":${folders},"links":${links},"bytes":${bytes}}\n`
}

/** `2026-11-20T14:04:11.123456789Z`; null for a time that has no such text (beyond the year 275760). */
export function isoTime(mtimeNs: bigint): string | null {
  const fraction = ((mtimeNs % nsPerSecond) + nsPerSecond) % nsPerSecond
  const seconds = Number((mtimeNs - fraction) / nsPerSecond)
  if (Math.abs(seconds) > dateSecondsMax) return null
  return `${new Date(seconds * 1000).toISOString().slice(0, -4)}${String(fraction).padStart(9, '0')}Z`
}

const nsPerSecond = 1_000_000_000n
const dateSecondsMax = 8.64e12

function timeFields(mtimeNs: bigint): string {
  return `,"mtime":${JSON.stringify(isoTime(mtimeNs))},"mtimeNs":"${mtimeNs}"`
}
