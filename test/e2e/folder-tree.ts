import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** What each path holds. */
export type Tree = ReadonlyMap<string, Entry>

export interface Entry {
  /** Kind, size, digest of the bytes, executable bit, link target: equal texts, equal entries. */
  readonly text: string
  /** Of files and links; 0 for folders, whose times are their own. */
  readonly mtimeNs: bigint
}

/** Reads a folder whole, without `.p2psync`. */
export function readTree(root: string): Tree {
  const tree = new Map<string, Entry>()
  const todo = ['']
  for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
    for (const name of namesIn(join(root, folder))) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (path === '.p2psync') continue
      const entry = readEntry(join(root, path))
      if (entry === null) continue
      tree.set(path, entry)
      if (entry.text === 'folder') todo.push(path)
    }
  }
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Of a folder that was removed while its tree is read: none. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/** The differences of two trees as lines for a person; none when they are equal, times to the microsecond. */
export function treeDifferences(a: Tree, b: Tree): string[] {
  const paths = new Set([...a.keys(), ...b.keys()])
  return [...paths]
    .filter((path) => !areEqual(a.get(path), b.get(path)))
    .map((path) => `${path}: ${entryText(a.get(path))} / ${entryText(b.get(path))}`)
}

/** The SHA-256 of a file's bytes. */
function fileDigest(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer))
      hash.update(buffer.subarray(0, read))
  } finally {
    closeSync(file)
  }
  return hash.digest('hex')
}

const buffer = Buffer.alloc(1024 * 1024)

// No call of Node sets a time more exactly.
const timeToleranceNs = 1000n

function areEqual(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined || a.text !== b.text) return false
  const apart = a.mtimeNs - b.mtimeNs
  return apart <= timeToleranceNs && apart >= -timeToleranceNs
}

function entryText(entry: Entry | undefined): string {
  return entry === undefined ? 'nothing' : `${entry.text} at ${entry.mtimeNs}`
}

/** The text of a file's entry. */
export function fileText(stat: { readonly size: number | bigint; readonly mode: number }, digest: string): string {
  return `file ${stat.size} ${digest.slice(0, 16)}${(stat.mode & 0o100) === 0 ? '' : ' executable'}`
}

// What is taken away while it is looked at is not there.
export function readEntry(path: string): Entry | null {
  try {
    const stat = lstatSync(path, { bigint: true })
    const { mtimeNs } = stat
    if (stat.isDirectory()) return { text: 'folder', mtimeNs: 0n }
    if (stat.isSymbolicLink()) return { text: `link to ${readlinkSync(path)}`, mtimeNs }
    return { text: fileText({ size: stat.size, mode: Number(stat.mode) }, fileDigest(path)), mtimeNs }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}
