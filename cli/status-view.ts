import type { FolderStatus, NodeInfo } from '../src/node/node-api.ts'
import { agoText, countText, durationText, sizeText } from './amounts.ts'
import { progressText, stateText } from './event-lines.ts'
import { shellWord, shellWords } from './folder-path.ts'
import { heldText } from './guard-view.ts'
import { cutToColumns, printable } from './printable.ts'
import { scrubText } from './scrub-text.ts'

/**
 * The folders of a node for a person. With `columns` each line is cut to that width, so that it can be redrawn.
 * `now` is in milliseconds since 1970.
 */
export function statusText(
  info: NodeInfo,
  folders: readonly FolderStatus[],
  now: number,
  columns: number = Number.POSITIVE_INFINITY,
): string {
  const lines = [`${printable(info.name)}, running for ${durationText(now - info.started)}`]
  if (folders.length === 0) lines.push('', 'no folder; add one: p2psync start <folder>')
  for (const folder of folders) lines.push('', ...folderLines(folder, now))
  return `${lines.map((line) => cutToColumns(line, columns)).join('\n')}\n`
}

/** One line for each folder: for a pipe that follows changes. */
export function watchText(folders: readonly FolderStatus[]): string {
  return folders.map((folder) => `${stateText(folder)}\n`).join('')
}

function folderLines(folder: FolderStatus, now: number): readonly string[] {
  const lines = [
    printable(folder.path),
    field('state', stateWords(folder)),
    field('here', `${contentText(folder)}, ${sizeText(folder.bytes)}`),
    field('devices', `${folder.peersConnected} connected`),
  ]
  if (folder.notice !== '') lines.push(field('notice', printable(folder.notice)))
  if (folder.order.first.length > 0) lines.push(field('first', printable(shellWords(folder.order.first))))
  if (folder.order.last.length > 0) lines.push(field('last', printable(shellWords(folder.order.last))))
  if (folder.state === 'syncing' || folder.needed.files > 0 || folder.needed.bytes > 0)
    lines.push(field('needed', progressText(folder)))
  if (folder.state === 'stopped' && folder.hint !== '') lines.push(field('', hintText(folder)))
  for (const held of folder.held) lines.push(field('held', heldText(held, now)))
  if (folder.held.length > 0 && folder.state !== 'stopped') lines.push(field('', hintText(folder)))
  if (folder.conflicts > 0)
    lines.push(field('conflicts', countText(folder.conflicts, 'conflicted copy', 'conflicted copies')))
  if (folder.problemCount > 0) lines.push(...problemLines(folder))
  if (folder.scrub?.running === true) lines.push(field('scrub', scrubText(folder.scrub)))
  if (folder.lastChange !== null) {
    const { path, what, device, at } = folder.lastChange
    lines.push(field('changed', `${printable(path)} ${what} by ${printable(device)} ${agoText(now - at)}`))
  }
  return lines
}

/** With the folder as it can be typed. */
function hintText({ hint, path }: FolderStatus): string {
  return printable(hint.replaceAll('<folder>', () => shellWord(path)))
}

function problemLines(folder: FolderStatus): readonly string[] {
  const shown = folder.problems.slice(0, problemsShown)
  const lines = shown.map(({ path, reason }) => field('', `${printable(path)}: ${printable(reason)}`))
  const hidden = folder.problemCount - shown.length
  if (hidden > 0) lines.push(field('', `and ${countText(hidden, 'more', 'more')} (see --json)`))
  return [field('problems', countText(folder.problemCount, 'path not synced', 'paths not synced')), ...lines]
}

const problemsShown = 10

function stateWords(folder: FolderStatus): string {
  switch (folder.state) {
    case 'scanning':
      return 'scanning'
    case 'syncing':
      return 'syncing'
    case 'in-sync':
      return 'in sync'
    case 'waiting':
      return 'waiting: no other device with this folder is connected'
    case 'paused':
      return 'paused; go on with p2psync resume'
    case 'held':
      return 'held: a change waits for you, all else is synced'
    case 'stopped':
      break
  }
  return `stopped: ${printable(folder.reason)}`
}

function contentText(folder: FolderStatus): string {
  const parts = [countText(folder.files, 'file'), countText(folder.folders, 'folder')]
  if (folder.links > 0) parts.push(countText(folder.links, 'link'))
  return parts.join(', ')
}

function field(name: string, value: string): string {
  return `  ${name.padEnd(10)} ${value}`
}
