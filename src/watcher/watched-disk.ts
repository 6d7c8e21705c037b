import * as fs from 'node:fs'

import { systemCode } from '../model/errors.ts'

/** What the watch thread asks of the disk, synchronously. Paths are absolute; failures throw with the system's `code`. */
export interface WatchedDisk {
  /** Which folder is at `path`, or null where there is none; a link is not followed, save at `path/.`. */
  lookAtFolder(path: string): FolderIdentity | null
  /** All entries of a folder, in no order and in bounded parts. */
  readFolder(path: string): Generator<FolderPart>
  /** `onEvent` is told of every entry of the folder that changes, and of the folder itself under its own name. */
  watch(path: string, onEvent: WatchEventListener): FolderWatch
  /** The number that is all there is in a file of `/proc`, or null. */
  readNumber(path: string): number | null
}

/** Two looks saw the same folder when device and inode agree and it was there all the time. */
export interface FolderIdentity {
  readonly device: bigint
  readonly inode: bigint
  /** 0 or wrong where the file system does not keep it. */
  readonly bornNs: bigint
  /** False when there was certainly no folder in it: it need not be listed. */
  readonly mayHoldFolders: boolean
}

export interface FolderPart {
  readonly entryCount: number
  /** Names as UTF-8; what is none has U+FFFD in it, and cannot be looked at. */
  readonly folders: readonly string[]
}

/** `kind` is `rename` when an entry came, went or moved, `change` when its bytes or metadata did. */
export type WatchEventListener = (kind: 'rename' | 'change', name: string) => void

export interface FolderWatch {
  close(): void
}

/** The disk itself: one inotify watch a folder, on Linux. */
export const realWatchedDisk: WatchedDisk = {
  lookAtFolder(path) {
    try {
      const stats = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false })
      if (stats?.isDirectory() !== true) return null
      const { dev, ino, birthtimeNs, nlink } = stats
      const mayHoldFolders = nlink !== 2n || !countsFolders(dev, path)
      return { device: dev, inode: ino, bornNs: birthtimeNs, mayHoldFolders }
    } catch (error) {
      if (isGone(error)) return null
      throw error
    }
  },

  *readFolder(path) {
    const handle = fs.opendirSync(path, { bufferSize: partEntriesMax })
    try {
      let isAtEnd = false
      while (!isAtEnd) {
        const folders: string[] = []
        let entryCount = 0
        while (entryCount < partEntriesMax && !isAtEnd) {
          const entry = handle.readSync()
          if (entry === null) isAtEnd = true
          else {
            entryCount++
            if (entry.isDirectory()) folders.push(entry.name)
          }
        }
        yield { entryCount, folders }
      }
    } finally {
      handle.closeSync()
    }
  },

  watch(path, onEvent) {
    const watcher = fs.watch(path, (kind, name) => {
      // Linux always gives one.
      if (name !== null) onEvent(kind, name)
    })
    // Linux has none; without a listener one would end the thread.
    watcher.on('error', () => undefined)
    return watcher
  },

  readNumber(path) {
    try {
      const number = Number(fs.readFileSync(path, 'latin1'))
      return Number.isSafeInteger(number) ? number : null
    } catch {
      return null
    }
  },
}

/** True when the error says that there is no such folder (any more). */
export function isGone(error: unknown): boolean {
  const code = systemCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR'
}

const partEntriesMax = 512

/** True on file systems where a folder has one link for itself, one for its name, and one for each folder in it. */
function countsFolders(device: bigint, path: string): boolean {
  const known = countingDevices.get(device)
  if (known !== undefined) return known
  const counts = countingFileSystems.has(fs.statfsSync(path).type)
  if (countingDevices.size < devicesMax) countingDevices.set(device, counts)
  return counts
}

const countingDevices = new Map<bigint, boolean>()
const devicesMax = 1000
/** By the magic numbers of statfs(2): ext2 to ext4, xfs, tmpfs. */
const countingFileSystems = new Set([0xef53, 0x58465342, 0x01021994])
