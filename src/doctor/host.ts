import { readFile, statfs } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'

/** What the checks ask of the computer; tests have another one. */
export interface Host {
  /** `v24.1.0`. */
  readonly nodeVersion: string
  /** Null off POSIX. */
  readonly userId: number | null
  /** The text of a file of the system, or null when there is none. */
  readonly readText: (path: string) => Promise<string | null>
  readonly space: (path: string) => Promise<Space>
  /** Whether an interface besides loopback has an IPv4 address. */
  readonly hasNetwork: () => boolean
  /** Milliseconds since 1970. */
  readonly now: () => number
}

export interface Space {
  readonly freeBytes: number
  readonly totalBytes: number
  /** How many files can still be made; null where the file system has no such number. */
  readonly freeFiles: number | null
  /** The number by which Linux names the kind of the file system. */
  readonly type: number
}

export function thisHost(now: () => number): Host {
  return {
    nodeVersion: process.version,
    userId: process.getuid?.() ?? null,
    readText: (path) => readFile(path, 'utf8').catch(() => null),
    space: async (path) => {
      const found = await statfs(path)
      return {
        freeBytes: found.bavail * found.bsize,
        totalBytes: found.blocks * found.bsize,
        freeFiles: found.files === 0 ? null : found.ffree,
        type: found.type,
      }
    },
    hasNetwork: () =>
      Object.values(networkInterfaces()).some((addresses) =>
        addresses?.some((address) => address.family === 'IPv4' && !address.internal),
      ),
    now,
  }
}
