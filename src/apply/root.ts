import { stagingFolder } from '../blocks/staged-file.ts'
import { assert, P2psyncError, systemCode } from '../model/errors.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import { privateFolderName } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import { historyFolder } from './private-folder.ts'

/**
 * Makes the folder at the absolute path `root`, its parents and `.p2psync` (for its owner only) where they are missing,
 * and writes the marker when `fresh` is one: whole and durable, or not at all.
 *
 * @throws {P2psyncError} `folder-unreadable` when something that is no folder is in the way; else the system's errors.
 */
export function* prepareRoot(disk: Disk, root: string, fresh: FolderMarker | null): Generator<void, void> {
  makeRoot(disk, root)
  yield
  const own = `${root}/${privateFolderName}`
  if (makeFolderIn(disk, own)) disk.setPathMode(own, 0o700)
  makeFolderIn(disk, `${root}/${stagingFolder}`)
  makeFolderIn(disk, `${root}/${historyFolder}`)
  disk.syncFolder(own)
  disk.syncFolder(root)
  if (fresh !== null) writeMarker(disk, own, fresh)
}

/** The marker of the folder at `root`, or null when it or anything on the way is missing, unreadable or malformed. */
// oxlint-disable-next-line require-yield -- one file of a hundred bytes is one slice
export function* readMarker(disk: Disk, root: string): Generator<void, FolderMarker | null> {
  try {
    if (disk.lstat(`${root}/${privateFolderName}`)?.kind !== 'folder') return null
    return parseMarker(readSmall(disk, `${root}/${privateFolderName}/${markerName}`))
  } catch (error) {
    if (systemCode(error) === '') throw error
    return null
  }
}

/** Unknown fields are left to later versions. */
function parseMarker(text: string): FolderMarker | null {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof value !== 'object' || value === null || !('folder' in value) || !('nonce' in value)) return null
  const { folder, nonce } = value
  if (typeof folder !== 'string' || typeof nonce !== 'string') return null
  return isMarker({ folder, nonce }) ? { folder, nonce } : null
}

function isMarker(marker: FolderMarker): boolean {
  return /^[0-9a-f]{64}$/.test(marker.folder) && /^[0-9a-f]{32}$/.test(marker.nonce)
}

/** '' for a file that is too large to be a marker. */
function readSmall(disk: Disk, path: string): string {
  const handle = disk.openRead(path)
  try {
    const bytes = new Uint8Array(markerBytesMax)
    let length = 0
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = disk.read(handle, bytes.subarray(length), length)
    }
    if (length === bytes.length) return ''
    return Buffer.from(bytes.buffer, 0, length).toString('utf8')
  } finally {
    disk.close(handle)
  }
}

function writeMarker(disk: Disk, own: string, marker: FolderMarker): void {
  assert(isMarker(marker), 'a marker is 64 and 32 hex digits')
  const draft = `${own}/${markerName}.new`
  if (disk.lstat(draft) !== null) disk.unlink(draft)
  const handle = disk.create(draft, 0o644)
  try {
    const text = JSON.stringify({ folder: marker.folder, nonce: marker.nonce })
    disk.write(handle, Buffer.from(`${text}\n`), 0)
    disk.sync(handle)
  } finally {
    disk.close(handle)
  }
  disk.rename(draft, `${own}/${markerName}`)
  disk.syncFolder(own)
}

/** The root and what is above it may be reached by symlinks: whoever names the folder may name it so. */
function makeRoot(disk: Disk, root: string): void {
  const missing: string[] = []
  let path = root
  while (path !== '' && disk.lstat(path) === null) {
    missing.push(path)
    path = path.slice(0, path.lastIndexOf('/'))
  }
  for (const folder of missing.toReversed()) {
    disk.makeFolder(folder)
    disk.syncFolder(folder.slice(0, folder.lastIndexOf('/')) || '/')
  }
  const kind = disk.lstat(root)?.kind
  if (kind !== 'folder' && kind !== 'symlink') throw notFolder(root)
}

/** True when it was made, false when it was there. */
function makeFolderIn(disk: Disk, path: string): boolean {
  const entry = disk.lstat(path)
  if (entry === null) disk.makeFolder(path)
  else if (entry.kind !== 'folder') throw notFolder(path)
  return entry === null
}

function notFolder(path: string): P2psyncError {
  return new P2psyncError('folder-unreadable', `"${path}" is not a folder`, {
    hint: 'Move what has this name out of the way, or choose another folder.',
  })
}

const markerName = 'folder.json'
const markerBytesMax = 4096
