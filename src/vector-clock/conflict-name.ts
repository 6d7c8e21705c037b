import { hashBlock } from '../blocks/hash.ts'
import { blockHashToBytes, type BlockHash } from '../model/block-hash.ts'
import { assert } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { deviceNameBytesMax, nameBytesMax, pathBytesMax } from '../model/limits.ts'
import { baseName, parentPath, type RelativePath } from '../model/relative-path.ts'

/**
 * Where the loser of a conflict is kept: `name (DEVICE's conflicted copy YYYY-MM-DD SHORTHASH).ext` in the same folder.
 *
 * It depends on nothing but the losing record (a file or symlink), so that every device makes the same copy: DEVICE is
 * its `writerName` without what some file system refuses, the date that of its mtime in UTC, SHORTHASH the start of its
 * content's hash (for a symlink, of its target). The suffix of an earlier conflict is taken off first, so that a
 * conflict of a conflict is one more copy of the original. A name that would be too long is cut before the suffix; where
 * even that leaves no room in a path of 4,096 bytes, the copy goes to the nearest folder above with room.
 */
export function conflictCopyPath(loser: FileRecord): RelativePath {
  const short = copyPath(loser, 8)
  // Only when the loser is itself the copy that this name stands for; its longer name is then a free one.
  return short === loser.path ? longConflictCopyPath(loser) : short
}

/** The name with 16 digits, for where something else has the one of {@link conflictCopyPath}: its user edited it. */
export function longConflictCopyPath(loser: FileRecord): RelativePath {
  return copyPath(loser, 16)
}

/** True when the last segment of `path` is a name that {@link conflictCopyPath} gives. */
export function isConflictCopyName(path: RelativePath): boolean {
  return conflictName.test(baseName(path))
}

const conflictName =
  /^(?<stem>.+?)(?: \([^()]+'s conflicted copy \d{4}-\d{2}-\d{2} (?:[0-9a-f]{16}|[0-9a-f]{8})\))+(?<extension>\.[^.]+)?$/su
const extensionBytesMax = 32
const stemBytesMin = 4
const millisecondsMax = Date.UTC(9999, 11, 31)

function copyPath(loser: FileRecord, hashDigits: number): RelativePath {
  const { stem, extension } = splitName(baseName(loser.path))
  const digits = Buffer.from(blockHashToBytes(contentHash(loser)))
    .toString('hex')
    .slice(0, hashDigits)
  const suffix = ` (${safeDeviceName(loser.writerName)}'s conflicted copy ${utcDate(loser.mtimeNs)} ${digits})${extension}`
  const suffixBytes = Buffer.byteLength(suffix)
  let folder = parentPath(loser.path)
  while (roomBytes(folder) < suffixBytes + stemBytesMin) folder = parentPath(folder!)
  const name = cutText(stem, roomBytes(folder) - suffixBytes) + suffix
  return (folder === null ? name : `${folder}/${name}`) as RelativePath
}

function roomBytes(folder: RelativePath | null): number {
  return folder === null ? nameBytesMax : Math.min(nameBytesMax, pathBytesMax - Buffer.byteLength(folder) - 1)
}

function splitName(name: string): { stem: string; extension: string } {
  const copy = conflictName.exec(name)?.groups
  const original = copy === undefined ? name : `${copy['stem']}${copy['extension'] ?? ''}`
  const dot = copy === undefined ? original.lastIndexOf('.') : copy['stem']!.length
  const extension = original.slice(dot)
  if (dot <= 0 || extension === '.' || Buffer.byteLength(extension) > extensionBytesMax) {
    return { stem: original, extension: '' }
  }
  return { stem: original.slice(0, dot), extension }
}

function contentHash(loser: FileRecord): BlockHash {
  if (loser.kind === 'symlink') return hashBlock(Buffer.from(loser.linkTarget))
  assert(loser.kind === 'file' && loser.content !== '', 'only a file or a symlink is kept as a copy')
  return loser.content
}

// Parentheses go too: they mark where the suffix begins.
function safeDeviceName(name: string): string {
  const safe = name
    .toWellFormed()
    .normalize('NFC')
    .replaceAll(/[/\\:*?"<>|()\p{Cc}\p{Bidi_Control}]/gu, '-')
  return cutText(safe, deviceNameBytesMax).replaceAll(/^[\s.]+|[\s.]+$/gu, '') || 'device'
}

function utcDate(mtimeNs: bigint): string {
  const milliseconds = Math.min(Math.max(Number(mtimeNs / 1_000_000n), 0), millisecondsMax)
  return new Date(milliseconds).toISOString().slice(0, 10)
}

// The longest start of `text` that has at most `bytesMax` bytes of UTF-8 and no half of a code point.
function cutText(text: string, bytesMax: number): string {
  const bytes = Buffer.from(text)
  let end = Math.min(bytes.length, bytesMax)
  while (end < bytes.length && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  return bytes.toString('utf8', 0, end)
}
