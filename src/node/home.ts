import { realpath } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import envPaths from 'env-paths'
import type { FolderId } from '../model/folder-id.ts'
import { makePrivateFolder } from './private-file.ts'

/**
 * The state directory of one node: everything that is not in the synced folders.
 *
 *     device.key           the device's private key                        (0600)
 *     node.json            name, port, folders, remembered peer addresses  (0600)
 *     control.sock         the control socket, and the lock of this home   (0600)
 *     folders/<16 hex of the folder's id>/key      the text of its key     (0600)
 *     folders/<16 hex of the folder's id>/index/   its LevelDB
 *     folders/<16 hex of the folder's id>/boot.json    how far changes are on the disk (0600)
 *     folders/<16 hex of the folder's id>/scrub.json   how far it was read again (0600)
 */
export interface Home {
  /** Absolute, links resolved. */
  readonly path: string
  readonly deviceKeyFile: string
  readonly settingsFile: string
}

export interface FolderState {
  readonly path: string
  readonly keyFile: string
  readonly indexFolder: string
}

/** Where the state lives, absolute: the option, else `P2PSYNC_HOME`, else the platform's per-user place. */
export function resolveHome(option: string | undefined, environment: NodeJS.ProcessEnv): string {
  const chosen = option ?? environment['P2PSYNC_HOME']
  if (chosen !== undefined && chosen !== '') return resolve(chosen)
  return envPaths('p2psync', { suffix: '' }).data
}

/**
 * Makes the state directory if it is missing, closed to other users.
 *
 * @throws {P2psyncError} `disk-failed` when it cannot be made.
 */
export async function prepareHome(path: string): Promise<Home> {
  await makePrivateFolder(path)
  await makePrivateFolder(join(path, 'folders'))
  return homeAt(await realpath(path))
}

/** The places in a state directory. Nothing is made. */
export function homeAt(path: string): Home {
  return { path, deviceKeyFile: join(path, 'device.key'), settingsFile: join(path, 'node.json') }
}

/** Where the state of one folder lives. Nothing is made. */
export function folderState(home: Home, folder: FolderId): FolderState {
  const path = join(home.path, 'folders', folder.slice(0, 16))
  return { path, keyFile: join(path, 'key'), indexFolder: join(path, 'index') }
}
