import { assert, systemCode } from '../model/errors.ts'
import { nameBytesMax } from '../model/limits.ts'
import { baseName, parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import { InsideRoot } from './inside.ts'
import { PathTrouble } from './path-trouble.ts'
import { historyFolder, historyOf, isHistoryName } from './private-folder.ts'
import { Touched } from './touched.ts'

/** Where old versions go: `.p2psync/history/<name>/<path>`, beside what is there already, never in place of it. */
export class HistoryShelf {
  readonly #inside: InsideRoot
  readonly #base: string

  /** `name` must be a history name: letters, digits, `.`, `_` and `-`, so that names can sort by time. */
  constructor(inside: InsideRoot, name: string) {
    this.#inside = inside
    this.#base = historyOf(name)
  }

  /**
   * The absolute path of a name that is free, whose folders are there. A name that is taken gets ` (2)` and so on; that
   * goes for the folders too, since a symlink or file of the same name may have come to history before.
   */
  freePlace(path: RelativePath): string {
    this.#inside.makeParents(`${this.#base}/x`)
    const deep = Buffer.byteLength(this.#inside.absolute(`${this.#base}/${path}`)) > absoluteBytesMax
    let folder = this.#base
    const parent = deep ? null : parentPath(path)
    for (const segment of parent?.split('/') ?? []) {
      folder = this.#firstFit(folder, segment, 'folder')
      if (this.#inside.look(folder) === 'missing') this.#inside.makeFolder(folder)
    }
    return this.#inside.absolute(this.#firstFit(folder, baseName(path), 'missing'))
  }

  /** A path that {@link freePlace} gave, relative to the history. */
  placeOf(absolute: string): string {
    return absolute.slice(this.#inside.absolute(historyFolder).length + 1)
  }

  #firstFit(folder: string, name: string, wanted: 'folder' | 'missing'): string {
    for (let number = 1; number <= sameNameMax; number++) {
      const candidate = `${folder}/${numbered(name, number)}`
      const found = this.#inside.look(candidate)
      if (found === 'missing' || found === wanted) return candidate
    }
    throw new PathTrouble('EEXIST', `history holds ${sameNameMax} entries of this name`)
  }
}

/**
 * Removes the history of every apply whose name sorts before `keep`. Symlinks are removed, never followed. What cannot
 * be removed stays.
 */
export function* trimHistory(disk: Disk, root: string, keep: string): Generator<void, void> {
  const inside = new InsideRoot(disk, root, new Touched(disk, root))
  if (inside.locate(`${historyFolder}/x`) === null) return
  const history = inside.absolute(historyFolder)
  for (const entry of disk.readFolder(history)) {
    if (entry.kind !== 'folder' || entry.name === null) continue
    if (isHistoryName(entry.name) && entry.name < keep) yield* removeTree(disk, `${history}/${entry.name}`)
  }
}

function* removeTree(disk: Disk, top: string): Generator<void, void> {
  const pending: { readonly path: string; entered: boolean }[] = [{ path: top, entered: false }]
  let count = 0
  for (let last = pending.at(-1); last !== undefined; last = pending.at(-1)) {
    if (last.entered) {
      attempt(() => disk.removeFolder(last.path))
      pending.pop()
    } else {
      last.entered = true
      for (const entry of readRealFolder(disk, last.path)) {
        if (entry.name === null) continue
        const path = `${last.path}/${entry.name}`
        if (entry.kind === 'folder') pending.push({ path, entered: false })
        else attempt(() => disk.unlink(path))
        if (++count % sliceSteps === 0) yield
      }
    }
  }
  yield
}

function readRealFolder(disk: Disk, path: string): ReturnType<Disk['readFolder']> {
  const entries = attempt(() => (disk.lstat(path)?.kind === 'folder' ? disk.readFolder(path) : []))
  return entries ?? []
}

function attempt<Result>(action: () => Result): Result | null {
  try {
    return action()
  } catch (error) {
    if (systemCode(error) === '') throw error
    return null
  }
}

function numbered(name: string, number: number): string {
  if (number === 1) return name
  const suffix = ` (${number})`
  let stem = name
  while (Buffer.byteLength(stem) + suffix.length > nameBytesMax || !stem.isWellFormed()) stem = stem.slice(0, -1)
  assert(stem !== '', 'a suffix is shorter than a name may be')
  return stem + suffix
}

const sameNameMax = 1000
const sliceSteps = 200
// Linux takes paths of 4,095 bytes: deeper ones are kept by their last name alone.
const absoluteBytesMax = 4000
