import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import { isAtOrBelow } from './manifest-entry.ts'
import { hasChanged, type SeenEntry, type TreeDifference } from './compare-trees.ts'
import { orderChanges } from './order-changes.ts'
import type { TreeNode } from './tree-node.ts'

export interface EntryChange {
  readonly event: 'created' | 'modified' | 'deleted' | 'moved'
  readonly path: string
  /** Where it was, of what moved; else ''. */
  readonly from: string
  readonly node: TreeNode
}

interface Gone extends SeenEntry {
  readonly goneAtMs: number
}

/**
 * Which of what is gone is what is new, elsewhere or in its place? The inode tells; size and time of a file, or the names
 * in a folder, that it was not given to another one meanwhile.
 *
 * What is gone is kept for {@link goneMs} before it is called deleted, because the other end of a move may be seen a
 * little later. Of a folder that moved only the folder is told, and what changed below it. What has another inode in the
 * same place, an editor's save by rename, is one modification.
 *
 * Cost: linear in what is gone and new, but for a sort.
 */
export class RenamePairing {
  readonly #byPath = new Map<string, Gone>()
  readonly #byInode = new Map<bigint, Set<Gone>>()

  /** When the oldest of what is gone should be called deleted, or null when there is nothing. */
  get dueAtMs(): number | null {
    const oldest = this.#byPath.values().next().value
    return oldest === undefined ? null : oldest.goneAtMs + goneMs
  }

  /** What is certain by now, in an order in which it may have happened. */
  take(difference: TreeDifference, nowMs: number): EntryChange[] {
    for (const entry of difference.gone) this.#addGone({ ...entry, goneAtMs: nowMs })
    const changes = difference.modified.map(({ path, node }) => change('modified', path, node))
    const fresh = difference.fresh.toSorted((a, b) => comparePaths(a.path as RelativePath, b.path as RelativePath))
    const replaced = new Set<string>()
    const left = this.#pairInPlace(fresh, changes, replaced)
    this.#pairElsewhere(left, changes)
    const deleted = replaced.size === 0 ? [] : this.#takeBelow(replaced)
    return [...deleted, ...orderChanges(changes)]
  }

  /** What has been gone for long enough; a folder comes after what was below it. */
  takeDeleted(nowMs: number): EntryChange[] {
    const due: Gone[] = []
    for (const gone of this.#byPath.values()) {
      if (nowMs - gone.goneAtMs < goneMs) break
      due.push(gone)
    }
    return this.#delete(due)
  }

  /** Everything that is gone, at once. */
  takeAllDeleted(): EntryChange[] {
    return this.takeDeleted(Infinity)
  }

  /** Returns those that are not the successor of what was in their place; `replaced` gets where that has to go first. */
  #pairInPlace(fresh: readonly SeenEntry[], changes: EntryChange[], replaced: Set<string>): SeenEntry[] {
    const newInodes = new Set(fresh.map((entry) => entry.node.disk.inode))
    return fresh.filter((entry) => {
      const gone = this.#byPath.get(entry.path)
      if (gone === undefined) return true
      // What was in a folder that moved away went with it.
      const folder = entry.path.slice(0, Math.max(entry.path.lastIndexOf('/'), 0))
      if (gone.node.disk.kind !== entry.node.disk.kind || replaced.has(folder)) {
        replaced.add(entry.path)
        return true
      }
      const source = this.#partner(entry)
      if (entry.node.disk.kind === 'folder') {
        const hasMoved = (source !== null && source !== gone) || newInodes.has(gone.node.disk.inode)
        if (hasMoved && gone.node.disk.inode !== entry.node.disk.inode) {
          replaced.add(entry.path)
          return true
        }
        if (hasChanged(gone.node.disk, entry.node.disk)) changes.push(change('modified', entry.path, entry.node))
      } else if (source !== null && source !== gone) {
        changes.push(moved(source.path, entry))
        this.#forget(source)
      } else if (gone.node.disk.inode !== entry.node.disk.inode || hasChanged(gone.node.disk, entry.node.disk)) {
        changes.push(change('modified', entry.path, entry.node))
      }
      this.#forget(gone)
      return false
    })
  }

  #pairElsewhere(fresh: readonly SeenEntry[], changes: EntryChange[]): void {
    /** Where a folder was that has moved, and each below it: a folder comes before what it holds. */
    const origins = new Map<string, string>()
    for (const entry of fresh) {
      const slash = entry.path.lastIndexOf('/')
      const parentWas = slash < 0 ? undefined : origins.get(entry.path.slice(0, slash))
      const along = parentWas === undefined ? null : this.#alike(`${parentWas}/${entry.node.name}`, entry)
      if (along !== null) {
        if (hasContentChanged(along.node, entry.node)) changes.push(change('modified', entry.path, entry.node))
        this.#forget(along)
        if (entry.node.children !== null) origins.set(entry.path, along.path)
        continue
      }
      const source = this.#partner(entry)
      if (source === null) changes.push(change('created', entry.path, entry.node))
      else {
        changes.push(moved(source.path, entry))
        if (source.node.disk.mode !== entry.node.disk.mode) changes.push(change('modified', entry.path, entry.node))
        this.#forget(source)
        if (entry.node.children !== null) origins.set(entry.path, source.path)
      }
    }
    if (origins.size > 0) this.#carryAlong(origins)
  }

  /** What is gone from a folder that moved is from now on missed at its new place. */
  #carryAlong(origins: ReadonlyMap<string, string>): void {
    const places = new Map([...origins].map(([path, from]) => [from, path]))
    for (const gone of Array.from(this.#byPath.values())) {
      const slash = gone.path.lastIndexOf('/')
      const place = slash < 0 ? undefined : places.get(gone.path.slice(0, slash))
      if (place === undefined) continue
      const path = `${place}/${gone.node.name}`
      this.#forget(gone)
      this.#addGone({ ...gone, path })
      places.set(gone.path, path)
    }
  }

  /** What is gone at `path`, when it is of the kind of `entry`. */
  #alike(path: string, entry: SeenEntry): Gone | null {
    const gone = this.#byPath.get(path)
    return gone !== undefined && gone.node.disk.kind === entry.node.disk.kind ? gone : null
  }

  /** What is gone and was, for all that can be told, this very entry. */
  #partner(entry: SeenEntry): Gone | null {
    for (const gone of this.#byInode.get(entry.node.disk.inode) ?? []) {
      if (isSameThing(gone.node, entry.node)) return gone
    }
    return null
  }

  #takeBelow(places: ReadonlySet<string>): EntryChange[] {
    return this.#delete([...this.#byPath.values()].filter((gone) => isAtOrBelow(gone.path, places)))
  }

  #delete(due: Gone[]): EntryChange[] {
    for (const gone of due) this.#forget(gone)
    due.sort((a, b) => comparePaths(b.path as RelativePath, a.path as RelativePath))
    return due.map(({ path, node }) => change('deleted', path, node))
  }

  #addGone(gone: Gone): void {
    const before = this.#byPath.get(gone.path)
    if (before !== undefined) this.#forget(before)
    this.#byPath.set(gone.path, gone)
    const { inode } = gone.node.disk
    const same = this.#byInode.get(inode)
    if (same === undefined) this.#byInode.set(inode, new Set([gone]))
    else same.add(gone)
  }

  #forget(gone: Gone): void {
    this.#byPath.delete(gone.path)
    const same = this.#byInode.get(gone.node.disk.inode)
    same?.delete(gone)
    if (same?.size === 0) this.#byInode.delete(gone.node.disk.inode)
  }
}

/** How long what is gone may turn up elsewhere. */
const goneMs = 150

function change(event: EntryChange['event'], path: string, node: TreeNode): EntryChange {
  return { event, path, from: '', node }
}

function moved(from: string, { path, node }: SeenEntry): EntryChange {
  return { event: 'moved', path, from, node }
}

// Inodes are given again, often at once.
function isSameThing(before: TreeNode, after: TreeNode): boolean {
  const [a, b] = [before.disk, after.disk]
  if (a.kind !== b.kind) return false
  if (a.kind !== 'folder') return a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs
  if (a.mtimeNs === b.mtimeNs) return true
  for (const [name, child] of before.children!) {
    if (after.children!.get(name)?.disk.inode === child.disk.inode) return true
  }
  return false
}

// A rename changes the ctime of what it moves.
function hasContentChanged(before: TreeNode, after: TreeNode): boolean {
  const [a, b] = [before.disk, after.disk]
  if (a.mode !== b.mode) return true
  return a.kind !== 'folder' && (a.sizeBytes !== b.sizeBytes || a.mtimeNs !== b.mtimeNs || a.inode !== b.inode)
}
