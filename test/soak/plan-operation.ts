import type { RelativePath } from '../../src/model/relative-path.ts'
import { isConflictCopyName } from '../../src/vector-clock/conflict-name.ts'
import type { Draw } from './draw.ts'

export type Kind = 'file' | 'folder' | 'link'

/** What a person does in one folder; where it is not possible it is not done. */
export type UserOperation =
  /** `write` puts new bytes into the file as it is, `save` puts a new file in its place. */
  | { readonly type: 'write' | 'save'; readonly path: string; readonly sizeBytes: number }
  | { readonly type: 'append' | 'edit' | 'remove' | 'chmod' | 'touch' | 'link' | 'folder'; readonly path: string }
  | { readonly type: 'rename' | 'copy'; readonly path: string; readonly to: string }
  /** Whatever is there goes, and something of another kind comes. */
  | { readonly type: 'turn'; readonly path: string; readonly into: Kind }
  | { readonly type: 'burst'; readonly path: string; readonly files: number }
  /** An old version comes back from the history. */
  | { readonly type: 'restore'; readonly choice: number }

/** The next thing that somebody does who sees `tree`: paths and what they are. */
export function planOperation(draw: Draw, tree: ReadonlyMap<string, Kind>): UserOperation {
  const files = [...tree].filter(([, kind]) => kind === 'file').map(([path]) => path)
  const folders = [...tree].filter(([, kind]) => kind === 'folder').map(([path]) => path)
  const existing = (paths: readonly string[]): string => (paths.length === 0 ? newPath(draw) : draw.of(paths))
  const file = (): string => (draw.chance(0.45) ? draw.of(hotPaths) : existing(files))
  const any = (): string => (draw.chance(0.4) ? newPath(draw) : file())
  if (files.length > filesMax && draw.chance(0.6)) return { type: 'remove', path: existing(folders) }
  const copies = [...tree.keys()].filter((path) => isConflictCopyName(path as RelativePath))
  if (draw.chance(0.02 + Math.min(copies.length, 30) * 0.01) && copies.length > 0) return onCopy(draw, draw.of(copies))
  return draw.weighted<() => UserOperation>([
    [20, () => ({ type: 'write', path: any(), sizeBytes: size(draw) })],
    [18, () => ({ type: 'save', path: any(), sizeBytes: size(draw) })],
    [8, () => ({ type: 'append', path: file() })],
    [8, () => ({ type: 'edit', path: draw.chance(0.5) ? draw.of(largePaths) : file() })],
    [3, () => ({ type: draw.of(['write', 'save']), path: draw.of(largePaths), sizeBytes: largeSize(draw) })],
    [10, () => ({ type: 'rename', path: file(), to: any() })],
    [5, () => ({ type: 'rename', path: existing(folders), to: newFolder(draw) })],
    [8, () => ({ type: 'remove', path: file() })],
    [1, () => ({ type: 'remove', path: existing(folders) })],
    [4, () => ({ type: 'turn', path: any(), into: draw.of(['file', 'folder', 'link']) })],
    [5, () => ({ type: 'chmod', path: file() })],
    [2, () => ({ type: 'touch', path: file() })],
    [3, () => ({ type: 'link', path: any() })],
    [2, () => ({ type: 'folder', path: newFolder(draw) })],
    [3, () => ({ type: 'copy', path: file(), to: newPath(draw) })],
    [2, () => ({ type: 'restore', choice: draw.between(0, 1_000_000) })],
    [files.length < filesMin ? 20 : 1, () => ({ type: 'burst', path: newFolder(draw), files: draw.between(10, 60) })],
  ])()
}

function onCopy(draw: Draw, path: string): UserOperation {
  const original = path.replace(/ \([^()]*conflicted copy[^()]*\)/gu, '')
  return draw.weighted<UserOperation>([
    [3, { type: 'remove', path }],
    [2, { type: 'edit', path }],
    [2, { type: 'save', path, sizeBytes: size(draw) }],
    [2, { type: 'rename', path, to: original }],
  ])
}

function newPath(draw: Draw): string {
  if (draw.chance(0.25)) return draw.of(hotPaths)
  return `${draw.of(homes)}/${draw.of(['note', 'Bild', 'data', 'src'])} ${draw.between(1, 15)}${draw.of(extensions)}`
}

function newFolder(draw: Draw): string {
  return draw.chance(0.4) ? `box ${draw.between(1, 6)}` : `${draw.of(homes)}/${draw.of(['sub', 'Neu', 'old'])}`
}

function size(draw: Draw): number {
  return draw.weighted<() => number>([
    [2, () => 0],
    [50, () => draw.between(1, 300)],
    [30, () => draw.between(1000, 20_000)],
    [10, () => draw.between(60_000, 140_000)],
    [1, () => largeSize(draw)],
  ])()
}

function largeSize(draw: Draw): number {
  return draw.between(300_000, 4_000_000)
}

/** Paths that all devices change all the time. */
const hotPaths = ['hot/a.txt', 'hot/b.txt', 'hot/c', 'hot/d.md', 'hot/in/e.txt', 'f.txt'] as const
const largePaths = ['large/one.bin', 'large/two.bin', 'large/three.bin'] as const
const extensions = ['.txt', '.md', '', '.tar.gz'] as const

/** Folders that people work in; 30 files each in the beginning. */
export const homes = [
  'work',
  'work/deep/er/still',
  'photos',
  'Fotos \u00e4\u00f6\u00fc',
  'box 1',
  'music',
  'x y',
] as const

const filesMax = 500
const filesMin = 150
