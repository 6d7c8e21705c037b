import { assert } from '../model/errors.ts'
import { nextTurn } from '../model/next-turn.ts'

/**
 * How a path below one root is acted on so that no symlink among its parents is followed, whoever swaps one in.
 * Between {@link enter} and {@link leave} of the same path comes one system call; pairs may be nested.
 */
export interface Confinement {
  /**
   * What to name to the system instead of `path`. Throws the code of what is in the way: `ENOENT` for a missing parent,
   * `ENOTDIR` for one that is a symlink or a file.
   */
  enter(path: string): string
  /** As {@link enter}, for a look that has no {@link leave}: `path` itself where nothing is known of its parents yet. */
  look(path: string): string
  /** The call is done. @throws {DiskError} `ENOTDIR` when it may have gone elsewhere. */
  leave(path: string): void
  /** The call has failed. */
  drop(): void
  /** `path` may be another folder by now, or none. */
  forget(path: string): void
  /** Lets go of all that is held. */
  release(): void
}

/** A path is the root, on the way to it, or below it. Anything else is a bug of ours. */
export function isBelow(root: string, path: string): boolean {
  if (path.startsWith(root) && path.charCodeAt(root.length) === slashCode) return true
  assert(path === root || path === '/' || root.startsWith(`${path}/`), 'a path of this disk is below its root')
  return false
}

/** The folder and the name of a path below a root; the name leads nowhere else. */
export function splitPath(path: string): readonly [folder: string, name: string] {
  const slash = path.lastIndexOf('/')
  const name = path.slice(slash + 1)
  assert(name !== '' && name !== '.' && name !== '..', 'a path names what it means')
  return [path.slice(0, slash), name]
}

/** A call has `release` called once at the end of this turn of the event loop, however often it is called until then. */
export function atTurnEnd(release: () => void): () => void {
  let isDue = false
  return () => {
    if (isDue) return
    isDue = true
    void nextTurn().then(() => {
      isDue = false
      release()
    })
  }
}

const slashCode = 47
