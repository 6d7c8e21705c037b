import * as fs from 'node:fs'

/**
 * The folder in which this process finds what it has open, by number: `/proc/PID/fd`, a symlink less for the kernel to read
 * than `/proc/self/fd`. Null where there is none.
 */
export const ownHandles: string | null = readOwnHandles()

function readOwnHandles(): string | null {
  if (process.platform !== 'linux') return null
  try {
    const handles = `/proc/${fs.readlinkSync('/proc/self')}/fd`
    return fs.existsSync(handles) ? handles : null
  } catch {
    return null
  }
}
