import { shortDeviceId, type DeviceId } from '../src/model/device-id.ts'
import type { FolderStatus, NodeEvent } from '../src/node/node-api.ts'
import { countText, rateText, sizeText, timeLeftText } from './amounts.ts'
import { printable } from './printable.ts'

/** A line about `subject`: a newer one about the same subject says all that the older one said. */
export interface EventLine {
  readonly subject: string
  readonly text: string
}

/**
 * What is worth a line of its own, or null. On a terminal (`live`) a folder's state is in the line that is redrawn, and
 * only trouble stays.
 */
export function eventLine(
  event: NodeEvent,
  seen: { readonly before: FolderStatus | null; readonly live: boolean },
): EventLine | null {
  switch (event.type) {
    case 'folder':
      return folderLine(event.folder, seen)
    case 'folder-removed':
      return { subject: event.path, text: `no longer syncing: ${printable(event.path)}` }
    case 'peer-connected':
      return { subject: event.device, text: `connected to ${deviceText(event)}` }
    case 'peer-disconnected':
      return { subject: event.device, text: `disconnected from ${deviceText(event)}` }
    case 'peer-refused':
      return { subject: event.device, text: `refused: ${deviceText(event)}: ${printable(event.reason)}` }
    case 'warning':
      return { subject: event.message, text: `warning: ${printable(withHint(event.message, event.hint))}` }
    case 'stopping':
      break
  }
  return { subject: '', text: 'stopping' }
}

/** One line that tells how all folders are; not yet cut to a terminal. */
export function liveLine(folders: readonly FolderStatus[]): string {
  const busy =
    folders.find((folder) => folder.state === 'syncing') ?? folders.find((folder) => folder.state === 'scanning')
  const others = folders.length > 1 ? ` (+${countText(folders.length - 1, 'folder')})` : ''
  // The path comes last: a narrow terminal cuts it rather than the figures.
  if (busy?.state === 'syncing') return `syncing ${progressText(busy)}${others}: ${printable(busy.path)}`
  if (busy !== undefined) return `${stateText(busy)}${others}`
  const [first] = folders
  if (first === undefined) return 'no folder'
  return `${stateText(folders.find((folder) => folder.state !== 'in-sync') ?? first)}${others}`
}

/** The state of one folder, with its path and what counts in that state. */
export function stateText(folder: FolderStatus): string {
  const path = printable(folder.path)
  switch (folder.state) {
    case 'scanning':
      return `scanning ${path}: ${countText(folder.files, 'file')}`
    case 'syncing':
      return `syncing ${path}: ${progressText(folder)}`
    case 'in-sync':
      return `in sync: ${path} (${countText(folder.files, 'file')}, ${sizeText(folder.bytes)})`
    case 'waiting':
      return `waiting for a device: ${path} (${countText(folder.files, 'file')}, ${sizeText(folder.bytes)})`
    case 'paused':
      return `paused: ${path}`
    case 'held':
      return `held: ${path}: ${printable(withHint(folder.reason, folder.hint))}`
    case 'stopped':
      break
  }
  return `stopped: ${path}: ${printable(withHint(folder.reason, folder.hint))}`
}

function withHint(what: string, hint: string): string {
  if (hint === '') return what
  return `${what}${/[.!?:]$/.test(what) ? '' : '.'} ${hint}`
}

/** `12 files, 3.1 MB to go, 40 %, 12 MB/s, about 5s left`. */
export function progressText(folder: FolderStatus): string {
  if (folder.needed.files === 0 && folder.needed.bytes === 0) return 'comparing with the other devices'
  const parts = [`${countText(folder.needed.files, 'file')}, ${sizeText(folder.needed.bytes)} to go`]
  parts.push(`${Math.floor(folder.percent)} %`)
  if (folder.ratePerSecond > 0) parts.push(rateText(folder.ratePerSecond))
  const left = timeLeftText(folder.secondsLeft)
  if (left !== '') parts.push(left)
  return parts.join(', ')
}

/** A device as people know it; its id's end where it has no name yet. */
export function deviceText(peer: { readonly name: string; readonly device: DeviceId }): string {
  return peer.name === '' ? `device ...${shortDeviceId(peer.device)}` : printable(peer.name)
}

function folderLine(
  folder: FolderStatus,
  seen: { readonly before: FolderStatus | null; readonly live: boolean },
): EventLine | null {
  const sameState = seen.before?.state === folder.state && seen.before.reason === folder.reason
  if (sameState) return null
  if (seen.live && folder.state !== 'stopped') return null
  return { subject: folder.path, text: stateText(folder) }
}
