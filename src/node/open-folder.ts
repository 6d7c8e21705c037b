import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { P2psyncError } from '../model/errors.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import { privateFolderName } from '../model/relative-path.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { KeyValueStore } from '../ports/key-value-store.ts'
import type { Random } from '../ports/random.ts'
import { checkFolder, createFolder, type CheckedFolder } from './check-folder.ts'
import { loadFolderKey, storeFolderKey } from './folder-key-file.ts'
import { deriveFolderKeys, type FolderKeys } from './folder-keys.ts'
import { folderState, type Home } from './home.ts'
import { isIndexDamage } from './index-folder.ts'
import { formatFolderKey, parseFolderKey } from './key-text.ts'
import type { KnownFolder } from './node-settings.ts'

/** What is to be synced and under which key, once nothing speaks against it. */
export interface FolderPlan {
  readonly path: string
  readonly keys: FolderKeys
  readonly keyText: string
  readonly keyIsNew: boolean
  /** The folder does not exist yet. */
  readonly created: boolean
  readonly marker: FolderMarker
  /** The marker has to be written. */
  readonly fresh: boolean
  /** The index is of no more use. */
  readonly resetIndex: boolean
}

export interface FolderRequest {
  readonly path: string
  readonly key: string | null
  readonly relink: boolean
}

/**
 * Decides how a folder is started; nothing is made or changed.
 *
 * @throws {P2psyncError} with what to do next, when it cannot be.
 */
export async function planFolder(
  request: FolderRequest,
  context: { home: Home; known: readonly KnownFolder[]; random: Random },
): Promise<FolderPlan> {
  const { home, random } = context
  const surroundings = { home: home.path, knownFolders: context.known.map((folder) => folder.path) }
  const checked = await checkFolder(request.path, surroundings)
  const known = context.known.find((folder) => folder.path === checked.path) ?? null
  const { writeKey, keyIsNew } = await chooseKey(request, { checked, known, home, random })
  const keys = deriveFolderKeys(writeKey)
  const twin = context.known.find((folder) => folder.id === keys.folder && folder.path !== checked.path)
  if (twin !== undefined) {
    throw new P2psyncError('folder-conflict', `this key is of the folder ${twin.path}, which this node already syncs`, {
      hint: `Use another key for ${checked.path}, or stop syncing the other one first: p2psync remove ${twin.path}`,
    })
  }
  if (known !== null && known.id !== keys.folder) {
    throw new P2psyncError('wrong-key', `${checked.path} is already synced under another key`, {
      hint: `Start it without a key, or leave the old folder first: p2psync remove ${checked.path}`,
    })
  }
  const plan = { path: checked.path, keys, keyText: formatFolderKey(writeKey), keyIsNew, created: !checked.exists }
  return { ...plan, ...chooseMarker(request, { checked, known, keys, random }) }
}

async function chooseKey(
  request: FolderRequest,
  found: { checked: CheckedFolder; known: KnownFolder | null; home: Home; random: Random },
): Promise<{ writeKey: Uint8Array; keyIsNew: boolean }> {
  if (request.key !== null) return { writeKey: parseFolderKey(request.key), keyIsNew: false }
  const { checked, known, home, random } = found
  const id = known?.id ?? checked.marker?.folder ?? null
  if (id === null) return { writeKey: random.bytes(32), keyIsNew: true }
  const stored = await loadFolderKey(folderState(home, id as KnownFolder['id']))
  if (stored !== null) return { writeKey: parseFolderKey(stored), keyIsNew: false }
  throw new P2psyncError('folder-conflict', `${checked.path} was synced before, and its key is not in ${home.path}`, {
    hint: 'Give its key (--key-file FILE), or name the state directory that knows it (--home DIR). To begin anew with what is in the folder, move .p2psync/folder.json in it away.',
  })
}

function chooseMarker(
  request: FolderRequest,
  found: { checked: CheckedFolder; known: KnownFolder | null; keys: FolderKeys; random: Random },
): Pick<FolderPlan, 'marker' | 'fresh' | 'resetIndex'> {
  const { checked, known, keys, random } = found
  const fresh: FolderMarker = { folder: keys.folder, nonce: Buffer.from(random.bytes(16)).toString('hex') }
  if (request.relink) return { marker: fresh, fresh: true, resetIndex: true }
  const { marker } = checked
  if (marker !== null && marker.folder !== keys.folder) {
    throw new P2psyncError('wrong-key', `${checked.path} belongs to a folder with another key`, {
      hint: 'Give the key that it was started with. To begin anew with what is in the folder, move .p2psync/folder.json in it away.',
    })
  }
  if (known === null) {
    // A folder that another home, or this one before it was lost, has started: nothing is known of it here.
    return marker === null
      ? { marker: fresh, fresh: true, resetIndex: true }
      : { marker, fresh: false, resetIndex: true }
  }
  if (marker?.nonce === known.nonce) return { marker, fresh: false, resetIndex: false }
  throw new P2psyncError('folder-missing', `${checked.path} is not the folder that was synced here before`, {
    hint: 'Its marker .p2psync/folder.json is gone or another one. If it lies on a disk that is not mounted, mount it. If this is the right folder all the same, start it with --relink: what is in it is looked at anew and nothing is deleted elsewhere.',
  })
}

/** Makes what a plan asks for on disk, durably: key, folder, marker. */
export async function prepareFolder(plan: FolderPlan, parts: { home: Home; tasks: FileTasks }): Promise<void> {
  const state = folderState(parts.home, plan.keys.folder)
  if (plan.resetIndex) await rm(state.indexFolder, { recursive: true, force: true })
  await storeFolderKey(state, plan.keyText)
  if (plan.created) await createFolder({ path: plan.path, exists: false, marker: null })
  await parts.tasks.prepareRoot(plan.fresh ? plan.marker : null)
}

/**
 * Keeps other nodes, with other homes, away from a folder: the lock of an empty database in `.p2psync/lock`, which the
 * system gives up with the process, however it ends.
 *
 * @throws {P2psyncError} `folder-busy`.
 */
export async function lockFolder(
  path: string,
  openStore: (path: string) => Promise<KeyValueStore>,
): Promise<KeyValueStore> {
  const lock = join(path, privateFolderName, 'lock')
  try {
    return await openStore(lock).catch(async (error: unknown) => {
      if (!isIndexDamage(error)) throw error
      await emptyLock(lock)
      return openStore(lock)
    })
  } catch (error) {
    if (!(error instanceof P2psyncError) || error.code !== 'folder-busy') throw error
    throw new P2psyncError('folder-busy', `another p2psync node syncs ${path}`, {
      hint: 'One folder belongs to one node. Stop the other one, or name its state directory (--home DIR).',
      cause: error,
    })
  }
}

/** Nothing is in it but the lock itself, which another node may have taken meanwhile. */
async function emptyLock(lock: string): Promise<void> {
  for (const name of await readdir(lock)) {
    if (name !== 'LOCK') await rm(join(lock, name), { recursive: true, force: true })
  }
}
