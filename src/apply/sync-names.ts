import { parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import { Touched } from './touched.ts'

/** Makes the names of what is at these paths durable, and those of the folders above. False when it could not be done. */
export function* syncNames(disk: Disk, root: string, paths: readonly RelativePath[]): Generator<void, boolean> {
  const touched = new Touched(disk, root)
  for (const path of paths) {
    for (let at: RelativePath | null = path; at !== null; at = parentPath(at)) touched.nameIn(`${root}/${at}`)
  }
  return (yield* touched.flush()).size === 0
}
