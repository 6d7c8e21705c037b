import { chmod, lstat, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'

/**
 * Replaces a file of ours, readable by this user alone, so that a crash leaves the old or the new content: temporary
 * file, fsync, rename, fsync of the folder.
 *
 * @throws {P2psyncError} `disk-full` or `disk-failed`; the old content is intact.
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    // Exclusive: a file that somebody put there must not lend its mode to a key.
    await rm(temporary, { force: true })
    await writeDurably(await open(temporary, 'wx', 0o600), content)
    await rename(temporary, path)
    await syncFolder(dirname(path))
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw writeProblem(path, error)
  }
}

/**
 * Makes a folder, and its parents, that this user alone can enter; one that exists is closed to others.
 *
 * @throws {P2psyncError} `disk-failed` when it is no folder, belongs to someone else or cannot be made.
 */
export async function makePrivateFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    const found = await lstat(path)
    if (process.platform !== 'win32' && !found.isSymbolicLink() && (found.mode & 0o077) !== 0) await chmod(path, 0o700)
  } catch (error) {
    throw new P2psyncError('disk-failed', `the folder ${path} cannot be used: ${errorText(error)}`, {
      hint: 'Choose another place for the state with --home, or correct the permissions.',
      cause: error,
    })
  }
}

async function writeDurably(file: FileHandle, content: string | Uint8Array): Promise<void> {
  try {
    await file.writeFile(content)
    await file.sync()
  } finally {
    await file.close()
  }
}

async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

function writeProblem(path: string, error: unknown): P2psyncError {
  const full = systemCode(error) === 'ENOSPC' || systemCode(error) === 'EDQUOT'
  return new P2psyncError(full ? 'disk-full' : 'disk-failed', `${path} cannot be written: ${errorText(error)}`, {
    hint: full ? 'Free some space on the disk of the state directory.' : 'Check the permissions of its folder.',
    cause: error,
  })
}
