import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs'
import { fileText, readEntry, readTree, type Tree } from '../e2e/folder-tree.ts'

/**
 * What a folder may hold while it goes from one state to another: at each path one of its whole versions, and where there
 * was something and will be something, never nothing.
 */
export class KnownVersions {
  readonly #root: string
  readonly #texts = new Map<string, Set<string>>()

  constructor(root: string, states: readonly Tree[], options: { readonly leavesGap: boolean }) {
    this.#root = root
    const paths = new Set(states.flatMap((tree) => [...tree.keys()]))
    for (const path of paths) {
      const texts = new Set(states.map((tree) => tree.get(path)?.text ?? nothing))
      if (options.leavesGap) texts.add(nothing)
      this.#texts.set(path, texts)
    }
  }

  /** What is wrong at this instant, as lines for a person. */
  problems(): readonly string[] {
    const lines: string[] = []
    for (const [path, texts] of this.#texts) {
      const text = textAt(join(this.#root, path))
      if (!texts.has(text)) lines.push(`${path} is ${text}, not ${[...texts].join(' or ')}`)
    }
    return lines
  }
}

/** Files of `before` that neither the folder nor its history since `since` (a name in it) holds any more. */
export function lostFiles(root: string, before: Tree, since: string): readonly string[] {
  const history = join(root, '.p2psync', 'history')
  const names = listed(history).filter((name) => name >= since)
  const held = [readTree(root), ...names.map((name) => readTree(join(history, name)))]
  const texts = new Set(held.flatMap((tree) => [...tree.values()].map(({ text }) => bytesOf(text))))
  return [...before].filter(([, { text }]) => text !== 'folder' && !texts.has(bytesOf(text))).map(([path]) => path)
}

/** As in a tree, but of one and the same file, whatever is put in its place meanwhile. */
function textAt(path: string): string {
  try {
    const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const stat = fstatSync(file)
      if (stat.isDirectory()) return 'folder'
      const bytes = readFileSync(file)
      return fileText(stat, createHash('sha256').update(bytes).digest('hex'))
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    if (code === 'ELOOP') return readEntry(path)?.text ?? nothing
    // ENOTDIR: its folder is still, or already, a file.
    if (code === 'ENOENT' || code === 'ENOTDIR') return nothing
    throw error
  }
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

// A file's mode is no byte of it.
function bytesOf(text: string): string {
  return text.replace(/ executable$/, '')
}

const nothing = 'nothing'
