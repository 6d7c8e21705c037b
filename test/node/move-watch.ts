import type { WorldDevice } from './replica-world.ts'

const root = '/home/folder/'

/** What a device was asked for since {@link watchMoves}, until it is stopped. */
export interface MoveWatch {
  /** Files of the folder of which something was read: hashed, copied, or sent. */
  readonly reads: string[]
  /** Where something was given a new path in the folder. */
  readonly renames: string[]
  /** Moves of folders that peers have told, as `from > to`, and those that it took. */
  readonly told: string[]
  readonly taken: string[]
}

/** Of a device that is not running, only the disk is watched. */
export function watchMoves(device: WorldDevice): MoveWatch {
  const watch: MoveWatch = { reads: [], renames: [], told: [], taken: [] }
  device.disk.onCall = (operation, path) => {
    if (path.startsWith(`${root}.p2psync/`)) return
    if (operation === 'read') watch.reads.push(path.slice(root.length))
    if (operation === 'rename') watch.renames.push(path.slice(root.length))
  }
  if (!device.isRunning) return watch
  const { replica } = device
  const takeMove = replica.takeMove.bind(replica)
  replica.takeMove = async (move) => {
    const name = `${move.from} > ${move.to ?? 'nothing'}`
    watch.told.push(name)
    const taken = await takeMove(move)
    if (taken) watch.taken.push(name)
    return taken
  }
  return watch
}

/** The inodes of a path and of all below it, by what follows the path. */
export function inodesOf({ disk }: WorldDevice, path: string): Record<string, bigint> {
  return disk.quietly(() => {
    const found: Record<string, bigint> = {}
    const isFolder = disk.lstat(root + path)?.kind === 'folder'
    for (const at of ['', ...(isFolder ? [...disk.tree(root + path).keys()].sort() : [])]) {
      const entry = disk.lstat(root + path + (at === '' ? '' : `/${at}`))
      if (entry !== null && entry.kind !== 'other') found[at] = entry.inode
    }
    return found
  })
}
