import { createHash } from 'node:crypto'
import { closeSync, constants, ftruncateSync, lstatSync, openSync, readFileSync } from 'node:fs'
import { readlinkSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileText } from '../e2e/folder-tree.ts'
import type { Ledger } from '../simulation/ledger.ts'
import { textOf } from './unique-content.ts'

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_RDWR } = constants
const pieceBytes = 256 * 1024

/** Empties a file and writes it anew, in pieces; each state between may be seen, none has to be kept. */
export function writeInPlace(ledger: Ledger, at: string, content: Buffer): void {
  withFile(at, O_RDWR | O_CREAT, (file) => {
    ledger.saw(textOf(readFileSync(file)))
    ftruncateSync(file, 0)
    writePieces(ledger, file, content)
  })
}

/** Adds bytes to the end, or puts them over some in the middle, with one write. False where the file is too short for that. */
export function changeInPlace(
  ledger: Ledger,
  at: string,
  change: { readonly bytes: Buffer; append: boolean },
): boolean {
  const { bytes, append } = change
  return withFile(at, append ? O_RDWR | O_APPEND : O_RDWR, (file) => {
    const before = readFileSync(file)
    if (!append && before.length < 3 * bytes.length) return false
    const offset = append ? before.length : Math.floor(before.length / 2)
    const after = Buffer.alloc(Math.max(before.length, offset + bytes.length))
    before.copy(after)
    bytes.copy(after, offset)
    ledger.saw(textOf(before))
    ledger.mayBeThere(textOf(after))
    if (writeSync(file, bytes, 0, bytes.length, append ? null : offset) < bytes.length) {
      ledger.mayBeThere(textOf(readWhole(at)))
      throw Object.assign(new Error('a part was written'), { code: 'ENOSPC' })
    }
    ledger.wrote(textOf(after))
    return true
  })
}

/** Writes a file beside it and renames that into its place, as editors do. */
export function saveByRename(ledger: Ledger, at: string, content: Buffer): void {
  const beside = join(dirname(at), `.${basename(at).slice(0, 60)}.new`)
  try {
    rmSync(beside, { force: true })
    withFile(beside, O_RDWR | O_CREAT | O_EXCL, (file) => writePieces(ledger, file, content))
    replace(ledger, at, () => renameSync(beside, at))
  } catch (error) {
    rmSync(beside, { force: true })
    ledger.saw(textOf(content))
    throw error
  }
}

/**
 * Does what takes away the file or link at a path, if there is one, and notes that it was seen: what is there at the very last
 * moment, for a node may put another version there while a large file is read.
 */
export function replace(ledger: Ledger, at: string, act: () => void): void {
  const [file, link] = [openIfFile(at), readLinkIfOne(at)]
  try {
    act()
    ledger.saw(file === null ? link : textOf(readFileSync(file)))
  } finally {
    if (file !== null) closeSync(file)
  }
}

function openIfFile(at: string): number | null {
  try {
    return lstatSync(at, { throwIfNoEntry: false })?.isFile() === true ? openSync(at, O_RDONLY | O_NOFOLLOW) : null
  } catch {
    return null
  }
}

function readLinkIfOne(at: string): string | undefined {
  try {
    return `link to ${readlinkSync(at)}`
  } catch {
    return undefined
  }
}

function writePieces(ledger: Ledger, file: number, content: Buffer): void {
  ledger.mayBeThere(textOf(Buffer.alloc(0)))
  const hash = createHash('sha256')
  let size = 0
  while (size < content.length) {
    const written = writeSync(file, content, size, Math.min(pieceBytes, content.length - size), size)
    hash.update(content.subarray(size, size + written))
    size += written
    ledger.mayBeThere(fileText({ size, mode: 0o644 }, hash.copy().digest('hex')))
  }
  if (size > 0) ledger.wrote(textOf(content))
}

function withFile<Result>(at: string, flags: number, act: (file: number) => Result): Result {
  const file = openSync(at, flags | O_NOFOLLOW, 0o644)
  try {
    return act(file)
  } finally {
    closeSync(file)
  }
}

function readWhole(at: string): Buffer {
  return withFile(at, O_RDONLY, (file) => readFileSync(file))
}
