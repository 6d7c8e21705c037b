import { P2psyncError } from '../model/errors.ts'
import { pathBytesMax } from '../model/limits.ts'
import { comparePaths, pathKey, type RelativePath } from '../model/relative-path.ts'
import { heightMax, keyLevel } from './key-level.ts'

/**
 * Which records does a peer hold that we lack or have otherwise?
 *
 * Walks the peer's tree from the root, in batches of up to 256 nodes of one level, and leaves out every node that we have
 * too (same level, first key and hash). What is left at the bottom are entries, compared one by one. Of the levels that
 * wait, the lowest goes first: as many round trips as levels when differences are few, bounded memory when they are many.
 * What only we hold is not looked for: the other side walks ours.
 *
 * Hashes are compared by their first 8 bytes, but the root by all 32: whoever forges an entry has the folder's key anyway,
 * and an accident is left to the comparison of roots that follows. Cost: about 16 children or entries for each node that differs.
 */
export async function* differingPaths(
  local: LocalTree,
  remote: TreeSource,
  options: { readonly listedMax?: number } = {},
): AsyncGenerator<readonly RelativePath[]> {
  const [ours, theirs] = [await local.root(), await remote.root()]
  checkRoot(theirs)
  if (Buffer.compare(ours.hash, theirs.hash) === 0) return
  const waiting: Pending[][] = Array.from({ length: theirs.height + 1 }, () => [])
  waiting[theirs.height]!.push({ level: theirs.height, firstKey: new Uint8Array(0), end: null })
  let listed = 0
  for (;;) {
    const level = waiting.findIndex((nodes) => nodes.length > 0)
    if (level < 0) return
    const asked = waiting[level]!.splice(0, requestNodesMax)
    const answer = level === 0 ? await remote.entries(asked) : await remote.children(asked)
    if (answer.length === 0 || answer.length > asked.length) throw bad('is about other nodes')
    waiting[level]!.unshift(...asked.slice(answer.length))
    for (const list of answer) listed += list.length
    if (listed > (options.listedMax ?? listedMaxDefault)) throw bad('never ends')
    if (level > 0) {
      for (const [i, list] of (answer as Children).entries()) {
        for (const child of differingChildren(local, asked[i]!, list)) waiting[level - 1]!.push(child)
      }
      continue
    }
    const paths = await differingEntries(local, asked, answer as Entries)
    if (paths.length > 0) yield paths
  }
}

export interface TreeRoot {
  /** 32 bytes; zeros when there are no entries. */
  readonly hash: Uint8Array
  /** The level of the root node, whose first key is empty; 0 when it is a leaf. */
  readonly height: number
}

export interface NodeRef {
  /** 0 for leaves. */
  readonly level: number
  readonly firstKey: Uint8Array
}

export interface NodeSummary {
  readonly firstKey: Uint8Array
  /** The first 8 bytes of the node's hash. */
  readonly hash8: Uint8Array
}

export interface LeafEntry {
  readonly path: RelativePath
  /** The first 8 bytes of the hash of the encoded record. */
  readonly hash8: Uint8Array
}

/**
 * What a peer must offer for its tree to be walked. Answers are in the order of the question; one that grows too long may
 * end early, but answers at least the first node. A node that is gone meanwhile is answered with an empty list.
 */
export interface TreeSource {
  root(): Promise<TreeRoot>
  /** The children of nodes of one level, 1 or higher. */
  children(nodes: readonly NodeRef[]): Promise<readonly (readonly NodeSummary[])[]>
  /** The entries of leaves. */
  entries(leaves: readonly NodeRef[]): Promise<readonly (readonly LeafEntry[])[]>
}

/** Our own tree, as the walk compares with it. */
export interface LocalTree {
  root(): Promise<TreeRoot>
  /** The first 8 bytes of the hash of the node that starts at exactly this key on this level, or null. */
  nodeHash8(node: NodeRef): Uint8Array | null
  /** For each path the first 8 bytes of the hash of our record, or null. */
  entryHashes(paths: readonly RelativePath[]): Promise<readonly (Uint8Array | null)[]>
}

/** Nodes in one question. */
const requestNodesMax = 256

/** Children and entries in one walk: far more than a folder of 10 million files has. */
const listedMaxDefault = 2 ** 25

type Children = readonly (readonly NodeSummary[])[]
type Entries = readonly (readonly LeafEntry[])[]

interface Pending extends NodeRef {
  /** Where the node's keys must end (exclusive). */
  readonly end: Uint8Array | null
}

function differingChildren(local: LocalTree, parent: Pending, children: readonly NodeSummary[]): Pending[] {
  const level = parent.level - 1
  const differing: Pending[] = []
  for (const [i, child] of children.entries()) {
    const { firstKey, hash8 } = child
    checkHash8(hash8)
    if (i === 0) {
      if (Buffer.compare(firstKey, parent.firstKey) !== 0) throw bad('has a node that does not start where it should')
    } else {
      checkOrder(children[i - 1]!.firstKey, firstKey, parent.end)
      const opens = keyLevel(firstKey)
      // It opens a node on this level, and none on the next: there it would not be inside of its parent.
      if (opens <= level || opens > parent.level) throw bad('has a node that does not belong to its level')
    }
    const ours = local.nodeHash8({ level, firstKey })
    if (ours !== null && Buffer.compare(ours, hash8) === 0) continue
    differing.push({ level, firstKey, end: children[i + 1]?.firstKey ?? parent.end })
  }
  return differing
}

async function differingEntries(
  local: LocalTree,
  leaves: readonly Pending[],
  answer: Entries,
): Promise<RelativePath[]> {
  const entries: LeafEntry[] = []
  for (const [i, list] of answer.entries()) {
    checkEntries(leaves[i]!, list)
    for (const entry of list) entries.push(entry)
  }
  if (entries.length === 0) return []
  const ours = await local.entryHashes(entries.map((entry) => entry.path))
  const differs = (entry: LeafEntry, i: number): boolean => {
    const hash8 = ours[i] ?? null
    return hash8 === null || Buffer.compare(hash8, entry.hash8) !== 0
  }
  return entries.filter(differs).map((entry) => entry.path)
}

function checkEntries(leaf: Pending, entries: readonly LeafEntry[]): void {
  for (const [i, entry] of entries.entries()) {
    checkHash8(entry.hash8)
    if (i > 0 && comparePaths(entries[i - 1]!.path, entry.path) >= 0) throw bad('is not in order')
  }
  if (entries.length === 0) return
  if (Buffer.compare(pathKey(entries[0]!.path), leaf.firstKey) < 0) throw bad('has an entry outside of its leaf')
  const last = pathKey(entries.at(-1)!.path)
  if (leaf.end !== null && Buffer.compare(last, leaf.end) >= 0) throw bad('has an entry outside of its leaf')
}

function checkOrder(before: Uint8Array, key: Uint8Array, end: Uint8Array | null): void {
  if (key.length > pathBytesMax) throw bad('has a key that is too long')
  if (Buffer.compare(before, key) >= 0) throw bad('is not in order')
  if (end !== null && Buffer.compare(key, end) >= 0) throw bad('has a key outside of its node')
}

function checkRoot(root: TreeRoot): void {
  if (root.hash.length !== 32) throw bad(`has a root of ${root.hash.length} bytes`)
  if (!Number.isInteger(root.height) || root.height < 0 || root.height > heightMax) {
    throw bad(`has a height of ${root.height}`)
  }
}

function checkHash8(hash8: Uint8Array): void {
  if (hash8.length !== 8) throw bad(`has a hash of ${hash8.length} bytes`)
}

function bad(what: string): P2psyncError {
  return new P2psyncError('bad-message', `the answer about a tree ${what}`)
}
