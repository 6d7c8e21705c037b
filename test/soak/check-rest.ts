import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { isResumableName } from '../../src/blocks/staged-name.ts'
import { readTree, treeDifferences, type Tree } from '../e2e/folder-tree.ts'
import { plain, type Ledger } from '../simulation/ledger.ts'
import type { SoakNode } from './soak-node.ts'

/** Where a node keeps what. */
type SoakFolder = Pick<SoakNode, 'name' | 'folder'>

/** What nodes at rest were found to hold. */
export interface RestReport {
  /** As lines for a person; none when all is well. */
  readonly problems: readonly string[]
  readonly files: number
  readonly conflictCopies: number
  /** Contents that nobody gave up and that only the history of some node has, as their text in a tree. */
  readonly onlyInHistory: readonly string[]
  /** Of fetches that a later try may go on with. */
  readonly remains: number
}

/**
 * Whether nodes that say that they are in sync hold what is promised: equal trees; each content that nobody who had seen it
 * gave up, at a path or in a history; nothing that nobody wrote; nothing else in `.p2psync`.
 */
export function checkRest(nodes: readonly SoakFolder[], ledger: Ledger): RestReport {
  const trees = nodes.map((node) => [node, readTree(node.folder)] as const)
  const problems = differences(trees)
  const visible = trees.flatMap(([, tree]) => [...tree])
  const shown = new Set(visible.map(([, { text }]) => plain(text)))
  const kept = new Set([...shown, ...nodes.flatMap((node) => historyTexts(node.folder))])
  for (const text of ledger.lost(kept)) problems.push(`lost: ${text}`)
  for (const [node, tree] of trees) problems.push(...inventions(node, tree, ledger))
  const copies = [...(trees[0]?.[1].keys() ?? [])].filter((path) => path.includes('conflicted copy'))
  const twice = copies.filter(
    (path) =>
      (path
        .split('/')
        .at(-1)!
        .match(/conflicted copy/gu)?.length ?? 0) > 1,
  )
  problems.push(...twice.map((path) => `a copy of a copy: ${path}`))
  let remains = 0
  for (const { name, folder } of nodes) {
    const staged = listed(join(folder, '.p2psync/staging'))
    const stray = staged.filter((entry) => !isResumableName(entry))
    remains += staged.length - stray.length
    problems.push(...stray.map((entry) => `${name} has left ${entry} in its staging folder`))
    const others = listed(join(folder, '.p2psync')).filter((entry) => !privateNames.has(entry))
    problems.push(...others.map((entry) => `${name} has left ${entry} in .p2psync`))
  }
  const files = [...(trees[0]?.[1].values() ?? [])].filter(({ text }) => text.startsWith('file ')).length
  return { problems, files, conflictCopies: copies.length, onlyInHistory: ledger.lost(shown), remains }
}

/** Each content that the history of a folder has, as its text in a tree. */
function historyTexts(folder: string): readonly string[] {
  const history = join(folder, '.p2psync/history')
  return [...readTree(history).values()].map(({ text }) => plain(text)).filter((text) => text !== 'folder')
}

/** Where trees differ in kind, content or the executable bit, as lines. */
export function differences(trees: readonly (readonly [node: SoakFolder, tree: Tree])[]): string[] {
  const [first, ...others] = trees.map(([node, tree]) => [node, untimed(tree)] as const)
  if (first === undefined) return []
  return others.flatMap(([{ name }, tree]) =>
    treeDifferences(first[1], tree).map((line) => `${first[0].name} and ${name} differ: ${line}`),
  )
}

// Two who wrote the same at two times may each keep theirs.
function untimed(tree: Tree): Tree {
  return new Map(Array.from(tree, ([path, { text }]) => [path, { text, mtimeNs: 0n }]))
}

function inventions({ name }: SoakFolder, tree: Tree, ledger: Ledger): string[] {
  const found = [...tree].filter(([, { text }]) => text !== 'folder' && !ledger.isWritten(text))
  return found.map(([path, { text }]) => `nobody wrote what ${name} has at ${path}: ${text}`)
}

function listed(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

const privateNames = new Set(['folder.json', 'history', 'lock', 'staging'])
