import type { DiskState } from '../model/disk-state.ts'
import type { TreeItem } from './walk-tree.ts'

/** One entry of a folder as it was seen last, with what is below it. The root has an empty name and no parent. */
export interface TreeNode {
  readonly name: string
  parent: TreeNode | null
  disk: DiskState
  /** By name, in path order where nothing was added later; null but for folders. */
  children: Map<string, TreeNode> | null
}

export function newNode(name: string, parent: TreeNode | null, disk: DiskState): TreeNode {
  return { name, parent, disk, children: disk.kind === 'folder' ? new Map() : null }
}

/** Relative to the root; '' for the root. */
function nodePath(node: TreeNode): string {
  const names: string[] = []
  for (let at: TreeNode | null = node; at !== null && at.parent !== null; at = at.parent) names.push(at.name)
  return names.toReversed().join('/')
}

/** The node at `path` below `root`, or null. */
export function findNode(root: TreeNode, path: string): TreeNode | null {
  if (path === '') return root
  let node: TreeNode | undefined = root
  for (const name of path.split('/')) {
    node = node.children?.get(name)
    if (node === undefined) return null
  }
  return node
}

/** `node` and all below it with their paths, a folder before what it holds. */
export function* nodesBelow(node: TreeNode, path = nodePath(node)): Generator<readonly [path: string, node: TreeNode]> {
  const todo: (readonly [string, TreeNode])[] = [[path, node]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    yield next
    const [at, { children }] = next
    if (children === null) continue
    const below = [...children.values()].map(
      (child) => [at === '' ? child.name : `${at}/${child.name}`, child] as const,
    )
    for (const entry of below.toReversed()) todo.push(entry)
  }
}

/** Makes a tree of what a walk found at and below each of its starts. */
export class TreeBuilder {
  /** What was found at the starts, by their path. */
  readonly found = new Map<string, TreeNode>()
  /** The folders that enclose the last item. */
  readonly #open: (readonly [path: string, node: TreeNode])[] = []

  /** Items come in the order of the walk; the root, where it is a start, has the path ''. */
  add({ path, disk }: TreeItem): void {
    while (this.#open.length > 0 && !isIn(path, this.#open.at(-1)![0])) this.#open.pop()
    const parent = this.#open.at(-1)?.[1] ?? null
    const node = newNode(path.slice(path.lastIndexOf('/') + 1), parent, disk)
    if (parent === null) this.found.set(path, node)
    else parent.children?.set(node.name, node)
    if (disk.kind === 'folder') this.#open.push([path, node])
  }
}

function isIn(path: string, folder: string): boolean {
  return folder === '' || (path.startsWith(folder) && path.charCodeAt(folder.length) === 47)
}
