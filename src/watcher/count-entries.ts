import type { WatchedDisk } from './watched-disk.ts'

/** How many entries there are below `root`; stops soon after `max`, and passes over what it cannot read. */
export function countEntries(disk: WatchedDisk, root: string, max: number): number {
  const folders = [root]
  let count = 0
  for (let path = folders.pop(); path !== undefined && count < max; path = folders.pop()) {
    try {
      for (const part of disk.readFolder(path)) {
        count += part.entryCount
        for (const name of part.folders) folders.push(`${path}/${name}`)
        if (count >= max) break
      }
    } catch {
      // Gone, or not readable: the watcher will say so if it matters.
    }
  }
  return count
}
