import type { DiskState } from '../model/disk-state.ts'
import { nodesBelow, type TreeNode } from './tree-node.ts'

/** An entry that is at a path now, or was until now. */
export interface SeenEntry {
  readonly path: string
  readonly node: TreeNode
}

/** What two looks at the same place differ in. An entry that was replaced is both gone and new. */
export interface TreeDifference {
  /** A folder comes before what was below it. */
  readonly gone: SeenEntry[]
  readonly fresh: SeenEntry[]
  readonly modified: SeenEntry[]
}

/**
 * What has changed between two looks at `path`, where null is nothing? Cost: the entries of both, once.
 *
 * What is at or below a path in `unknown` could not be looked at: it is taken for what it was, and put into `after`.
 */
export function compareTrees(
  path: string,
  before: TreeNode | null,
  after: TreeNode | null,
  unknown: ReadonlySet<string>,
): TreeDifference {
  const difference: TreeDifference = { gone: [], fresh: [], modified: [] }
  const todo: [path: string, before: TreeNode, after: TreeNode][] = []
  const meet = (at: string, old: TreeNode | null, now: TreeNode | null): void => {
    if (old !== null && now !== null && isSameEntry(old, now)) {
      if (hasChanged(old.disk, now.disk)) difference.modified.push({ path: at, node: now })
      if (old.children !== null) todo.push([at, old, now])
      return
    }
    if (old !== null) for (const [below, node] of nodesBelow(old, at)) difference.gone.push({ path: below, node })
    if (now !== null) for (const [below, node] of nodesBelow(now, at)) difference.fresh.push({ path: below, node })
  }
  meet(path, before, after)
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [folder, old, now] = next
    for (const [name, child] of old.children!) {
      const at = folder === '' ? name : `${folder}/${name}`
      const there = now.children!.get(name) ?? null
      if (there === null && (unknown.has(at) || unknown.has(folder))) keep(child, now)
      else meet(at, child, there)
    }
    for (const [name, child] of now.children!) {
      if (!old.children!.has(name)) meet(folder === '' ? name : `${folder}/${name}`, null, child)
    }
  }
  return difference
}

/** Two differences, the second seen after the first, as one. What came and went between the looks is left out. */
export function joinDifferences(first: TreeDifference, second: TreeDifference): TreeDifference {
  const fresh = new Map(first.fresh.map((entry) => [entry.path, entry]))
  const modified = new Map(first.modified.map((entry) => [entry.path, entry]))
  const gone = [...first.gone]
  for (const entry of second.gone) {
    modified.delete(entry.path)
    if (!fresh.delete(entry.path)) gone.push(entry)
  }
  for (const entry of second.modified) (fresh.has(entry.path) ? fresh : modified).set(entry.path, entry)
  for (const entry of second.fresh) fresh.set(entry.path, entry)
  return { gone, fresh: [...fresh.values()], modified: [...modified.values()] }
}

/** Whether a file or link shows other bytes or another mode. Size and times of a folder change with what it holds. */
export function hasChanged(before: DiskState, after: DiskState): boolean {
  if (before.mode !== after.mode) return true
  if (before.kind === 'folder') return false
  return before.sizeBytes !== after.sizeBytes || before.mtimeNs !== after.mtimeNs || before.ctimeNs !== after.ctimeNs
}

function isSameEntry(a: TreeNode, b: TreeNode): boolean {
  // The root has no other name that it could have come from.
  return a.disk.kind === b.disk.kind && (a.disk.inode === b.disk.inode || a.parent === null)
}

function keep(node: TreeNode, folder: TreeNode): void {
  node.parent = folder
  folder.children!.set(node.name, node)
}
