import { constants } from 'node:fs'
import { access, mkdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import { privateFolderName } from '../model/relative-path.ts'

/** Where a folder is to be synced, once nothing speaks against it. */
export interface CheckedFolder {
  /** Absolute, links resolved as far as it exists. */
  readonly path: string
  readonly exists: boolean
  /** The content of `.p2psync/folder.json`; null when the folder has none. */
  readonly marker: FolderMarker | null
}

export interface FolderSurroundings {
  /** The state directory, absolute. */
  readonly home: string
  /** The folders that this node already syncs, absolute. */
  readonly knownFolders: readonly string[]
}

/**
 * Looks at the disk whether `path` can be synced; nothing is made or changed. A folder that is already known passes.
 *
 * @throws {P2psyncError} `folder-unreadable` when it is no folder or cannot be read or written, `folder-nested` when it
 * lies in another synced folder, holds one, or overlaps with the state directory, `folder-conflict` when its marker is
 * damaged.
 */
export async function checkFolder(path: string, surroundings: FolderSurroundings): Promise<CheckedFolder> {
  const { path: real, exists } = await resolveExisting(path)
  checkOverlap(real, await realOrSame(surroundings.home))
  for (const known of surroundings.knownFolders) checkNesting(real, await realOrSame(known))
  await checkParents(real)
  if (!exists) return { path: real, exists, marker: null }
  await checkAccess(real)
  return { path: real, exists, marker: await readMarker(real) }
}

/** Makes a checked folder that does not exist, with its parents. @throws {P2psyncError} `folder-unreadable`. */
export async function createFolder(folder: CheckedFolder): Promise<void> {
  try {
    await makeFolders(folder.path)
  } catch (error) {
    throw unreadable(folder.path, `cannot be created: ${errorText(error)}`, error)
  }
}

/** Node's own `recursive` never ends where a folder that exists says ENOENT, as /proc does. */
async function makeFolders(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' && (await isFolder(path))) return
    const parent = dirname(path)
    if (code !== 'ENOENT' || (await isFolder(parent))) throw error
    await makeFolders(parent)
    await mkdir(path)
  }
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  )
}

/**
 * The marker of a folder, or null when it has none.
 *
 * @throws {P2psyncError} `folder-conflict` when it is damaged, `folder-unreadable` when it cannot be read.
 */
export async function readMarker(folder: string): Promise<FolderMarker | null> {
  const file = join(folder, privateFolderName, 'folder.json')
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return null
    throw unreadable(file, `cannot be read: ${errorText(error)}`, error)
  }
  const marker = parseMarker(text)
  if (marker !== null) return marker
  throw new P2psyncError('folder-conflict', `the marker ${file} is damaged`, {
    hint: 'If this is the right folder, delete the marker and start the folder again with --relink.',
  })
}

function parseMarker(text: string): FolderMarker | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('folder' in value) || !('nonce' in value)) return null
    const { folder, nonce } = value
    if (typeof folder !== 'string' || !/^[0-9a-f]{64}$/.test(folder)) return null
    if (typeof nonce !== 'string' || !/^[0-9a-f]{32}$/.test(nonce)) return null
    return { folder, nonce }
  } catch {
    return null
  }
}

async function resolveExisting(path: string): Promise<{ path: string; exists: boolean }> {
  const missing: string[] = []
  let current = path
  for (;;) {
    try {
      return { path: join(await realpath(current), ...missing), exists: missing.length === 0 }
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw unreadable(path, `cannot be reached: ${errorText(error)}`, error)
      const parent = dirname(current)
      if (parent === current) return { path, exists: false }
      missing.unshift(basename(current))
      current = parent
    }
  }
}

async function realOrSame(path: string): Promise<string> {
  try {
    return (await resolveExisting(path)).path
  } catch {
    return path
  }
}

function checkOverlap(folder: string, home: string): void {
  const hint = 'Choose a place for the state that lies elsewhere with --home, or another folder.'
  if (contains(folder, home)) {
    throw new P2psyncError('folder-nested', `p2psync's state directory ${home} lies inside the folder ${folder}`, {
      hint,
    })
  }
  if (contains(home, folder)) {
    throw new P2psyncError('folder-nested', `the folder ${folder} lies inside p2psync's state directory ${home}`, {
      hint,
    })
  }
}

function checkNesting(folder: string, known: string): void {
  if (folder === known) return
  const hint = 'Sync the outer folder alone, or remove it first: p2psync remove <folder>.'
  if (contains(known, folder)) {
    throw new P2psyncError('folder-nested', `the folder ${folder} lies inside the synced folder ${known}`, { hint })
  }
  if (contains(folder, known)) {
    throw new P2psyncError('folder-nested', `the folder ${folder} holds the synced folder ${known}`, { hint })
  }
}

// A folder of another home or another user is known by its marker only.
async function checkParents(folder: string): Promise<void> {
  for (let parent = dirname(folder); ; parent = dirname(parent)) {
    const marker = join(parent, privateFolderName, 'folder.json')
    const found = await stat(marker).then(
      (entry) => entry.isFile(),
      () => false,
    )
    if (found && parent !== folder) checkNesting(folder, parent)
    if (basename(parent) === privateFolderName || basename(folder) === privateFolderName) {
      throw new P2psyncError('folder-nested', `${folder} lies among p2psync's own files of another folder`, {
        hint: 'Choose another folder.',
      })
    }
    if (parent === dirname(parent)) return
  }
}

async function checkAccess(folder: string): Promise<void> {
  const entry = await stat(folder).catch((error: unknown) => {
    throw unreadable(folder, `cannot be read: ${errorText(error)}`, error)
  })
  if (!entry.isDirectory()) throw unreadable(folder, 'is not a folder', undefined)
  await access(folder, constants.R_OK | constants.X_OK).catch((error: unknown) => {
    throw unreadable(folder, 'cannot be read by this user', error)
  })
  await access(folder, constants.W_OK).catch((error: unknown) => {
    throw unreadable(folder, 'cannot be written by this user', error)
  })
}

function contains(outer: string, inner: string): boolean {
  const path = relative(outer, inner)
  return path === '' || (!isAbsolute(path) && path !== '..' && !path.startsWith(`..${sep}`))
}

function unreadable(path: string, problem: string, cause: unknown): P2psyncError {
  return new P2psyncError('folder-unreadable', `${path} ${problem}`, {
    hint: 'Choose a folder that this user can read and write, or correct its permissions.',
    cause,
  })
}
