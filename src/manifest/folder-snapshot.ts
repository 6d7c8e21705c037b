import { P2psyncError } from '../model/errors.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import { compareTrees, type TreeDifference } from './compare-trees.ts'
import { isPrivateName } from './manifest-entry.ts'
import { findNode, newNode, nodesBelow, TreeBuilder, type TreeNode } from './tree-node.ts'
import type { TreeReaders } from './tree-readers.ts'

export interface SnapshotDeps {
  readonly readers: Pick<TreeReaders, 'walk'>
  /** Absolute, links resolved. */
  readonly folder: string
}

/** What a folder held when it was looked at last. */
export class FolderSnapshot {
  readonly #deps: SnapshotDeps
  #root: TreeNode | null = null

  constructor(deps: SnapshotDeps) {
    this.#deps = deps
  }

  /** How many entries there are; counted anew. */
  get entries(): number {
    if (this.#root === null) return 0
    return [...nodesBelow(this.#root, '')].length - 1
  }

  /**
   * Looks at what was hinted at and all below it ('' is everything), and at the folder itself in any case.
   *
   * @returns what is different since the last look; all is new at the first.
   * @throws {P2psyncError} `folder-missing` also when another folder is in its place; `folder-unreadable`.
   */
  async look(hinted: readonly string[]): Promise<TreeDifference> {
    const { readers, folder } = this.#deps
    const starts = this.#root === null ? [''] : this.#outermost(hinted)
    const builder = new TreeBuilder()
    const unknown = new Set<string>()
    for await (const { items, problems } of readers.walk(folder, { starts, withRoot: true })) {
      for (const item of items) {
        if (item.path === '') this.#root = this.#checkRoot(newNode('', null, item.disk))
        if (item.path !== '' || starts[0] === '') builder.add(item)
      }
      for (const { path, isUnknown } of problems) if (isUnknown) unknown.add(path)
    }
    const difference: TreeDifference = { gone: [], fresh: [], modified: [] }
    for (const start of starts) {
      const after = builder.found.get(start) ?? null
      if (after !== null || !unknown.has(start)) addTo(difference, this.#replace(start, after, unknown))
    }
    return difference
  }

  #checkRoot(found: TreeNode): TreeNode {
    const root = this.#root
    if (root === null || root.disk.inode === found.disk.inode) return root ?? found
    throw new P2psyncError('folder-missing', `another folder is in the place of ${this.#deps.folder}`)
  }

  #replace(path: string, after: TreeNode | null, unknown: ReadonlySet<string>): TreeDifference {
    const before = findNode(this.#root!, path)
    const parent = path === '' ? null : findNode(this.#root!, path.slice(0, Math.max(path.lastIndexOf('/'), 0)))
    const name = path.slice(path.lastIndexOf('/') + 1)
    if (parent === null) this.#root = after
    else if (after === null) parent.children?.delete(name)
    else {
      after.parent = parent
      parent.children?.set(name, after)
    }
    return compareTrees(path, before, after, unknown)
  }

  /** In path order and none below another. A path in a folder that is not known yet stands for that folder. */
  #outermost(paths: readonly string[]): string[] {
    const outer: string[] = []
    const known = new Set<string>()
    for (const path of paths) if (!path.split('/').some((name) => isPrivateName(name))) known.add(this.#inKnown(path))
    for (const path of [...known].sort((a, b) => comparePaths(a as RelativePath, b as RelativePath))) {
      const last = outer.at(-1)
      if (last === undefined || (last !== '' && !path.startsWith(`${last}/`))) outer.push(path)
    }
    return outer
  }

  #inKnown(path: string): string {
    let node = this.#root
    for (let end = path.indexOf('/'); end >= 0; end = path.indexOf('/', end + 1)) {
      const begin = path.lastIndexOf('/', end - 1) + 1
      node = node?.children?.get(path.slice(begin, end)) ?? null
      if (node?.children == null) return path.slice(0, end)
    }
    return path
  }
}

// One after the other: as arguments of one call a large tree would be too many.
function addTo(sum: TreeDifference, more: TreeDifference): void {
  for (const entry of more.gone) sum.gone.push(entry)
  for (const entry of more.fresh) sum.fresh.push(entry)
  for (const entry of more.modified) sum.modified.push(entry)
}
