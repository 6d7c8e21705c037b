import type { Disk } from '../ports/disk.ts'

/** How many inotify events the kernel keeps for one reader; Linux's default where that cannot be read. */
export function readQueuedEventsMax(disk: Disk): number {
  try {
    const handle = disk.openRead('/proc/sys/fs/inotify/max_queued_events')
    try {
      const bytes = Buffer.alloc(32)
      const value = Number(bytes.toString('latin1', 0, disk.read(handle, bytes, 0)))
      return Number.isSafeInteger(value) && value > 0 ? value : queuedEventsDefault
    } finally {
      disk.close(handle)
    }
  } catch {
    // Not Linux, or /proc is not mounted.
    return queuedEventsDefault
  }
}

const queuedEventsDefault = 16_384
