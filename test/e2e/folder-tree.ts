import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** What one entry is, as text: equal texts, equal entries. Times of files count to the microsecond. */
export type TreeText = ReadonlyMap<string, string>

/** Reads a folder whole, without `.p2psync`: kind, bytes, executable bit, link target and, for files, mtime. */
export function readTree(root: string, options: { times?: boolean } = {}): TreeText {
  const tree = new Map<string, string>()
  const todo = ['']
  for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
    for (const name of readdirSync(join(root, folder)).sort()) {
      const path = folder === '' ? name : `${folder}/${name}`
      if (path === '.p2psync') continue
      const stat = lstatSync(join(root, path), { bigint: true })
      if (stat.isDirectory()) {
        tree.set(path, 'folder')
        todo.push(path)
      } else if (stat.isSymbolicLink()) tree.set(path, `link to ${readlinkSync(join(root, path))}`)
      else {
        const time = options.times === true ? ` at ${(stat.mtimeNs + 500n) / 1000n}` : ''
        const mode = (stat.mode & 0o100n) === 0n ? '' : ' executable'
        tree.set(path, `file ${stat.size} ${digest(join(root, path))}${mode}${time}`)
      }
    }
  }
  return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** The differences of two trees as lines for a person; none when they are equal. */
export function treeDifferences(a: TreeText, b: TreeText): string[] {
  const paths = new Set([...a.keys(), ...b.keys()])
  return [...paths].filter((path) => a.get(path) !== b.get(path)).map((path) => `${path}: ${a.get(path)} / ${b.get(path)}`)
}

const buffer = Buffer.alloc(1024 * 1024)

function digest(path: string): string {
  const hash = createHash('sha256')
  const file = openSync(path, 'r')
  try {
    for (let read = readSync(file, buffer); read > 0; read = readSync(file, buffer)) hash.update(buffer.subarray(0, read))
  } finally {
    closeSync(file)
  }
  return hash.digest('hex').slice(0, 16)
}
