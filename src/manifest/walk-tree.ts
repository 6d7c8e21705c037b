import { isDiskTrouble, readFailureReason } from '../blocks/disk-trouble.ts'
import type { DiskState } from '../model/disk-state.ts'
import { P2psyncError, systemCode } from '../model/errors.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import { isPrivateName, type ManifestProblem } from './manifest-entry.ts'

export interface TreeItem {
  readonly path: string
  readonly disk: DiskState
  /** '' but for symlinks. */
  readonly linkTarget: string
}

/** A part of a walk, in path order. */
export interface TreeBatch {
  readonly items: readonly TreeItem[]
  readonly problems: readonly TreeProblem[]
}

export interface TreeProblem extends ManifestProblem {
  /** Whether what is at the path and below it could not be looked at; else it is there and is nothing to be listed. */
  readonly isUnknown: boolean
}

export interface WalkOptions {
  /** Where to begin, in path order and none below another; '' is everything. What is not there is left out. */
  readonly starts: readonly string[]
  /** Paths that are taken for absent. */
  readonly leaveOut?: readonly string[]
  /** The folder itself is the first item, with the path ''. */
  readonly withRoot?: boolean
}

/**
 * Walks a folder as it is, whether it is synced or not, and changes nothing in it. Unlike the scan that syncs
 * (scan-folder.ts), which renames what is not in NFC, it lists names as they are, links that lead out of the folder, and
 * folders that are synced by themselves. p2psync's own folder is left out, at every depth.
 *
 * @throws {P2psyncError} `folder-missing`, `folder-unreadable`: the folder itself.
 */
export function* walkTree(disk: Disk, root: string, options: WalkOptions): Generator<TreeBatch, void> {
  const rootState = requireRoot(disk, root)
  const walk = new TreeWalk(disk, root, options.leaveOut ?? [])
  if (options.withRoot === true) yield { items: [{ path: '', disk: rootState, linkTarget: '' }], problems: [] }
  for (const start of options.starts) {
    walk.begin(start)
    while (walk.step()) if (walk.pending >= batchItemsMax) yield walk.take()
    if (walk.pending >= batchItemsMax) yield walk.take()
  }
  if (walk.pending > 0) yield walk.take()
}

const batchItemsMax = 500

function requireRoot(disk: Disk, root: string): DiskState {
  const found = attempt(() => disk.lstat(root))
  if (found.value?.kind === 'folder') return found.value
  if (found.reason !== '') throw new P2psyncError('folder-unreadable', `${root} cannot be read: ${found.reason}`)
  if (found.value === null) throw missing(root)
  throw new P2psyncError('folder-missing', `${root} is no folder`, { hint: 'Give the path of a folder.' })
}

function missing(root: string): P2psyncError {
  return new P2psyncError('folder-missing', `there is no folder at ${root}`, { hint: 'Give the path of a folder.' })
}

interface Level {
  readonly folder: string
  readonly names: readonly string[]
  at: number
}

class TreeWalk {
  readonly #disk: Disk
  readonly #root: string
  readonly #leaveOut: ReadonlySet<string>
  readonly #levels: Level[] = []
  readonly #parents = new Map<string, boolean>()
  #items: TreeItem[] = []
  #problems: TreeProblem[] = []

  constructor(disk: Disk, root: string, leaveOut: readonly string[]) {
    this.#disk = disk
    this.#root = root
    this.#leaveOut = new Set(leaveOut)
  }

  get pending(): number {
    return this.#items.length + this.#problems.length
  }

  take(): TreeBatch {
    const batch = { items: this.#items, problems: this.#problems }
    this.#items = []
    this.#problems = []
    return batch
  }

  begin(start: string): void {
    if (start === '') this.#open('')
    else if (this.#isInFolders(start)) this.#look(start)
  }

  /** Looks at one more entry; false at the end. */
  step(): boolean {
    const level = this.#levels.at(-1)
    if (level === undefined) return false
    const name = level.names[level.at++]
    if (name === undefined) this.#levels.pop()
    else this.#look(level.folder === '' ? name : `${level.folder}/${name}`)
    return true
  }

  // A link in the way is not followed.
  #isInFolders(path: string): boolean {
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      const parent = path.slice(0, end)
      let isFolder = this.#parents.get(parent)
      if (isFolder === undefined) {
        isFolder = attempt(() => this.#disk.lstat(`${this.#root}/${parent}`)).value?.kind === 'folder'
        this.#parents.set(parent, isFolder)
      }
      if (!isFolder) return false
    }
    return true
  }

  #look(path: string): void {
    if (this.#leaveOut.has(path)) return
    const found = attempt(() => this.#disk.lstat(`${this.#root}/${path}`))
    if (found.reason !== '') this.#addUnknown(path, found.reason)
    else if (found.value?.kind === 'other') {
      this.#problems.push({ path, reason: 'it is neither file, folder nor symlink', isUnknown: false })
    } else if (found.value?.kind === 'symlink') this.#addLink(path, found.value)
    else if (found.value !== null) {
      this.#items.push({ path, disk: found.value, linkTarget: '' })
      if (found.value.kind === 'folder') this.#open(path)
    }
  }

  #addLink(path: string, state: DiskState): void {
    const target = attempt(() => this.#disk.readLink(`${this.#root}/${path}`))
    if (target.reason !== '') this.#addUnknown(path, target.reason)
    else if (target.value?.includes('\uFFFD') === true) {
      this.#problems.push({ path, reason: 'the target of the link is not valid UTF-8', isUnknown: false })
    } else if (target.value !== null) this.#items.push({ path, disk: state, linkTarget: target.value })
  }

  #open(folder: string): void {
    const path = folder === '' ? this.#root : `${this.#root}/${folder}`
    const listing = attempt(() => this.#disk.readFolder(path))
    if (listing.reason !== '') this.#addUnknown(folder, listing.reason)
    else if (folder === '' && listing.value === null) throw missing(this.#root)
    const names: string[] = []
    for (const { name } of listing.value ?? []) {
      if (name === null) {
        const shown = folder === '' ? '\uFFFD' : `${folder}/\uFFFD`
        this.#problems.push({ path: shown, reason: 'its name is not valid UTF-8', isUnknown: false })
      } else if (!isPrivateName(name)) names.push(name)
    }
    this.#levels.push({ folder, names: inPathOrder(names), at: 0 })
  }

  #addUnknown(path: string, reason: string): void {
    if (path === '') throw new P2psyncError('folder-unreadable', `${this.#root} cannot be read: ${reason}`)
    this.#problems.push({ path, reason, isUnknown: true })
  }
}

// In these UTF-16 and UTF-8 may sort differently.
const highName = /[\ud800-\uffff]/

function inPathOrder(names: string[]): string[] {
  if (!names.some((name) => highName.test(name))) return names.sort()
  return names.sort((a, b) => comparePaths(a as RelativePath, b as RelativePath))
}

/** The answer of the disk; null when nothing is there any more, a reason when it cannot tell. */
function attempt<Value>(ask: () => Value | null): { value: Value | null; reason: string } {
  try {
    return { value: ask(), reason: '' }
  } catch (error) {
    if (!isDiskTrouble(error)) throw error
    const isMissing = ['ENOENT', 'ENOTDIR'].includes(systemCode(error))
    return { value: null, reason: isMissing ? '' : readFailureReason(error) }
  }
}
