import { createHash } from 'node:crypto'
import { chmod, lstat, readlink, realpath, rm, symlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { P2psyncError, systemCode } from '../model/errors.ts'
import { bootId } from './boot-notes.ts'
import { makePrivateFolder } from './private-file.ts'
import { isProcessRunning } from './process-running.ts'

/**
 * Where the control socket of a home is: in the home, or, where that path would not fit into a socket address, under a
 * name derived from it in a folder of this user in `/tmp`. It depends on nothing but `home` and the user, so that every
 * process finds the same one whatever its environment. A named pipe on Windows.
 */
export async function controlSocketPath(home: string): Promise<string> {
  const real = await realpath(home).catch(() => resolve(home))
  const digest = createHash('sha256').update(real).digest('hex').slice(0, 32)
  if (process.platform === 'win32') return `\\\\.\\pipe\\p2psync-${digest}`
  const path = join(real, 'control.sock')
  if (Buffer.byteLength(path) <= socketPathBytesMax) return path
  return `/tmp/p2psync-${process.getuid?.() ?? 0}/${digest}.sock`
}

/**
 * Makes the socket's folder, closed to other users, and says when it is not ours.
 *
 * @throws {P2psyncError} `disk-failed` when another user owns it.
 */
export async function prepareSocketFolder(socketPath: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = dirname(socketPath)
  await makePrivateFolder(folder)
  const found = await lstat(folder)
  if (found.isDirectory() && (found.uid === process.getuid?.() || process.getuid?.() === 0)) return
  throw new P2psyncError('disk-failed', `${folder} belongs to another user`, {
    hint: 'Remove it, or choose a state directory with a shorter path: --home.',
  })
}

/** Lets this user alone connect. */
export async function protectSocket(socketPath: string): Promise<void> {
  if (process.platform !== 'win32') await chmod(socketPath, 0o600)
}

/**
 * Runs `replace`, which looks again and then takes the place of a dead node's socket, while no other process does the
 * same. Returns false without running it when another process is at it.
 */
export async function whileReplacing(socketPath: string, replace: () => Promise<void>): Promise<boolean> {
  const lock = `${socketPath}.lock`
  if (!(await createLock(lock))) return false
  try {
    await replace()
  } finally {
    await rm(lock, { force: true })
  }
  return true
}

/** Removes a socket file that nobody listens on. */
export async function removeSocket(socketPath: string): Promise<void> {
  if (process.platform !== 'win32') await rm(socketPath, { force: true })
}

// sun_path has 104 bytes on macOS, 108 on Linux.
const socketPathBytesMax = 100

/** A symlink, to whom it belongs: made together with what it says, so that a kill leaves no lock of nobody. */
async function createLock(lock: string): Promise<boolean> {
  const boot = await bootId()
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      await symlink(`${process.pid}:${boot}`, lock)
      return true
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
    }
    if (await holderLives(lock, boot)) return false
    await rm(lock, { force: true })
  }
  return false
}

/** A process of another boot is gone, whoever has its number now. */
async function holderLives(lock: string, boot: string): Promise<boolean> {
  const [pid, ofBoot] = (await readlink(lock).catch(() => '')).split(':')
  return ofBoot === boot && /^\d+$/.test(pid ?? '') && isProcessRunning(Number(pid))
}
