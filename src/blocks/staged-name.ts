import type { BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import { hashBytes } from './hash.ts'

/**
 * The name under which a file's blocks are staged, so that a later try finds what an earlier one brought: `r` and 24 hex
 * digits, the first 12 of the path, the others of the content. It promises nothing of what the file holds.
 */
export function stagedNameFor(path: RelativePath, content: BlockHash): string {
  return `r${digits(path)}${digits(content)}`
}

/** The name under which blocks of a file are staged before anybody knows its content: `d` and the digits of the path. */
export function draftNameFor(path: RelativePath): string {
  return `d${digits(path)}${'0'.repeat(partDigits)}`
}

/** Whether a name is of this page: of a file that only `checkStaged` and `stageCopy` create. */
export function isResumableName(staged: string): boolean {
  return /^[rd][0-9a-f]{24}$/.test(staged)
}

/** The same for all versions of one path, and another one for its draft. `staged` must be a resumable name. */
export function pathPartOf(staged: string): string {
  return staged.slice(0, 1 + partDigits)
}

function digits(text: string): string {
  return Buffer.from(hashBytes(Buffer.from(text)))
    .toString('hex')
    .slice(0, partDigits)
}

const partDigits = 12
