import fc from 'fast-check'
import { hashBytes } from '../../src/blocks/hash.ts'
import { LeafCutter, rewriteRun, touchedRuns } from '../../src/merkle/cut-leaves.ts'
import type { LeafEntry, LocalTree, NodeRef, NodeSummary, TreeRoot, TreeSource } from '../../src/merkle/diff-trees.ts'
import { emptyKeyLevel, keyLevel } from '../../src/merkle/key-level.ts'
import {
  buildTree,
  childrenOf,
  emptyTree,
  nodeAt,
  nodeEnd,
  replaceLeaves,
  rootHash,
  treeHeight,
  type MerkleTree,
} from '../../src/merkle/merkle-tree.ts'
import type { TreeEntry } from '../../src/merkle/node-hash.ts'
import { comparePaths, pathFromKey, pathKey, type RelativePath } from '../../src/model/relative-path.ts'

/** A set of paths with a number that stands for the record of each. */
export type Contents = ReadonlyMap<RelativePath, number>

export const aPath = fc
  .array(fc.constantFrom('a', 'b', 'ä', '😀', 'z z'), { minLength: 1, maxLength: 5 })
  .chain((names) => fc.nat(400).map((n) => [...names, `f${n}`].join('/') as RelativePath))

export const someContents: fc.Arbitrary<Contents> = fc
  .array(fc.tuple(aPath, fc.nat(3)), { maxLength: 300 })
  .map((pairs) => new Map(pairs))

export function numbered(count: number, from = 0): Map<RelativePath, number> {
  const paths = Array.from({ length: count }, (_, i) => {
    const n = from + i
    return `folder ${Math.floor(n / 100)}/file ${n}` as RelativePath
  })
  return new Map(paths.map((path) => [path, 1]))
}

function entryHash(path: RelativePath, value: number): Uint8Array {
  return hashBytes(Buffer.from(`${value} ${path}`)).subarray(0, 16)
}

function entriesOf(contents: Contents): TreeEntry[] {
  return [...contents]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, value]) => ({ key: pathKey(path), hash: entryHash(path, value) }))
}

export function treeOf(contents: Contents): MerkleTree {
  const cutter = new LeafCutter(new Uint8Array(0), emptyKeyLevel)
  for (const entry of entriesOf(contents)) cutter.add(entry, keyLevel(entry.key))
  return buildTree(cutter.finish())
}

/** A tree with its entries in memory, which counts what it is asked. */
export class SampleTree implements LocalTree, TreeSource {
  tree: MerkleTree = emptyTree
  contents = new Map<RelativePath, number>()
  questions = 0
  bytes = 0
  #entries: readonly TreeEntry[] | null = null

  constructor(contents: Contents = new Map()) {
    this.edit(contents)
  }

  /** Puts (a number) and takes away (null), incrementally. */
  edit(changes: ReadonlyMap<RelativePath, number | null>): void {
    const ordered = [...changes]
      .sort(([a], [b]) => comparePaths(a, b))
      .map(([path, value]) => ({ key: pathKey(path), hash: value === null ? null : entryHash(path, value) }))
    const entries = this.#all()
    const splices = touchedRuns(this.tree, ordered).map((run) => {
      return rewriteRun(this.tree, run, between(entries, run.firstKey, run.end))
    })
    this.tree = replaceLeaves(this.tree, splices)
    this.#entries = null
    for (const [path, value] of changes) {
      if (value === null) this.contents.delete(path)
      else this.contents.set(path, value)
    }
  }

  root(): Promise<TreeRoot> {
    this.questions++
    return Promise.resolve({ hash: rootHash(this.tree), height: treeHeight(this.tree) })
  }

  children(nodes: readonly NodeRef[]): Promise<NodeSummary[][]> {
    this.questions++
    const answer = nodes.map(({ level, firstKey }) => {
      return childrenOf(this.tree, level, firstKey).map((child) => {
        this.bytes += 8 + child.firstKey.length
        return { firstKey: child.firstKey, hash8: child.hash.subarray(0, 8) }
      })
    })
    return Promise.resolve(answer)
  }

  entries(leaves: readonly NodeRef[]): Promise<LeafEntry[][]> {
    this.questions++
    const all = this.#all()
    const answer = leaves.map(({ firstKey }) => {
      if (nodeAt(this.tree, 0, firstKey) === null) return []
      return between(all, firstKey, nodeEnd(this.tree, 0, firstKey)).map(({ key, hash }) => {
        this.bytes += 8 + key.length
        return { path: pathFromKey(key), hash8: hash.subarray(0, 8) }
      })
    })
    return Promise.resolve(answer)
  }

  nodeHash8(node: NodeRef): Uint8Array | null {
    return nodeAt(this.tree, node.level, node.firstKey)?.hash.subarray(0, 8) ?? null
  }

  entryHashes(paths: readonly RelativePath[]): Promise<(Uint8Array | null)[]> {
    const hashOf = (path: RelativePath): Uint8Array | null => {
      const value = this.contents.get(path)
      return value === undefined ? null : entryHash(path, value).subarray(0, 8)
    }
    return Promise.resolve(paths.map(hashOf))
  }

  #all(): readonly TreeEntry[] {
    this.#entries ??= entriesOf(this.contents)
    return this.#entries
  }
}

function between(entries: readonly TreeEntry[], from: Uint8Array, end: Uint8Array | null): readonly TreeEntry[] {
  return entries.slice(indexOf(entries, from), end === null ? undefined : indexOf(entries, end))
}

function indexOf(entries: readonly TreeEntry[], key: Uint8Array): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (Buffer.compare(entries[middle]!.key, key) < 0) low = middle + 1
    else high = middle
  }
  return low
}
