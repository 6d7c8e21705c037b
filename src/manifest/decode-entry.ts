import { blockBytesMax } from '../model/limits.ts'
import { entryPathProblem, type ManifestEntry, type ManifestProblem } from './manifest-entry.ts'

/** What is wrong with a part of a manifest, in words that follow its place: `"sha256" is not 64 hex digits`. */
export class ManifestFlaw extends Error {
  override readonly name = 'ManifestFlaw'
}

/** @throws {ManifestFlaw} */
export function decodeEntry(value: unknown): ManifestEntry {
  const fields = asObject(value, 'the entry')
  const path = pathField(fields)
  const { kind } = fields
  if (kind === 'folder') return { kind, path }
  if (kind === 'symlink') {
    const { linkTarget } = fields
    if (typeof linkTarget !== 'string' || linkTarget === '') throw new ManifestFlaw('"linkTarget" is not a text')
    return { kind, path, mtimeNs: timeField(fields), linkTarget }
  }
  if (kind !== 'file') throw new ManifestFlaw('"kind" is not "file", "folder" or "symlink"')
  const { sizeBytes, sha256, executable, blocks } = fields
  if (!isCount(sizeBytes)) throw new ManifestFlaw('"sizeBytes" is not a whole number')
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/.test(sha256)) {
    throw new ManifestFlaw('"sha256" is not 64 lower-case hex digits')
  }
  if (typeof executable !== 'boolean') throw new ManifestFlaw('"executable" is not true or false')
  if (blocks !== undefined) checkBlocks(blocks, sizeBytes)
  return { kind, path, sizeBytes, mtimeNs: timeField(fields), sha256, executable }
}

/** @throws {ManifestFlaw} */
export function decodeProblem(value: unknown): ManifestProblem {
  const { path, reason } = asObject(value, 'the problem')
  if (typeof path !== 'string' || typeof reason !== 'string') {
    throw new ManifestFlaw('a problem needs the texts "path" and "reason"')
  }
  return { path, reason }
}

/** The object that `value` is. @throws {ManifestFlaw} when it is none. */
export function asObject(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ManifestFlaw(`${what} is not an object`)
}

/**
 * Checks the text of a block list, `["...",123],[...]`, without making anything of it: a large file has a million blocks.
 *
 * @throws {ManifestFlaw} unless it is one, of a file of `sizeBytes`.
 */
export function checkBlocksText(text: string, sizeBytes: number): void {
  let total = 0
  for (let at = 0; at < text.length;) {
    // Sticky: nothing is searched for, so that each block costs its own length.
    blockText.lastIndex = at
    const found = blockText.exec(text)
    if (found === null) throw new ManifestFlaw(badBlock)
    total += checkedLength(Number(found[1]))
    at = blockText.lastIndex
    if (at === text.length) break
    if (text.charCodeAt(at) !== comma || at + 1 === text.length) throw new ManifestFlaw(badBlock)
    at++
  }
  checkTotal(total, sizeBytes)
}

const blockText = /\["[\w-]{43}",(\d{1,7})\]/y
const comma = 44
const badBlock = '"blocks" holds something that is not a hash and a length'

function checkBlocks(blocks: unknown, sizeBytes: number): void {
  if (!Array.isArray(blocks)) throw new ManifestFlaw('"blocks" is not a list')
  let total = 0
  for (const block of blocks as readonly unknown[]) {
    if (!Array.isArray(block) || block.length !== 2) throw new ManifestFlaw(badBlock)
    const [hash, length] = block as readonly unknown[]
    if (typeof hash !== 'string' || !/^[\w-]{43}$/.test(hash) || !isCount(length)) throw new ManifestFlaw(badBlock)
    total += checkedLength(length)
  }
  checkTotal(total, sizeBytes)
}

function checkedLength(length: number): number {
  if (length > 0 && length <= blockBytesMax) return length
  throw new ManifestFlaw(`"blocks" holds a block of ${length} bytes`)
}

function checkTotal(total: number, sizeBytes: number): void {
  if (total !== sizeBytes) throw new ManifestFlaw(`"blocks" make ${total} bytes where "sizeBytes" says ${sizeBytes}`)
}

function pathField({ path }: Readonly<Record<string, unknown>>): string {
  if (typeof path !== 'string') throw new ManifestFlaw('"path" is not a text')
  const problem = entryPathProblem(path)
  if (problem !== null) throw new ManifestFlaw(`"path" ${problem}`)
  return path
}

function timeField({ mtimeNs }: Readonly<Record<string, unknown>>): bigint {
  if (typeof mtimeNs === 'string' && /^-?\d{1,30}$/.test(mtimeNs)) return BigInt(mtimeNs)
  throw new ManifestFlaw('"mtimeNs" is not a text of digits')
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
