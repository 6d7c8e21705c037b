import * as fs from 'node:fs'
import { atTurnEnd, isBelow, splitPath, type Confinement } from './confinement.ts'
import { ownHandles } from './own-handles.ts'

const { O_DIRECTORY, O_NOFOLLOW } = fs.constants
// Node does not name it: opens a place without any right to what is there.
const O_PATH = 0o10000000

/**
 * Confinement by handles (Linux): every folder on the way is opened from its parent's handle, never through a symlink, and
 * the call then names `/proc/PID/fd/N/name`. What is swapped in meanwhile changes what a path means, not what a handle holds.
 *
 * Handles are kept for the calls of one turn of the event loop, 64 at most between two calls: longer, and a folder that
 * somebody moves away would still be written to, or could not be unmounted. All that is held hangs together: a
 * folder is held only while its parents are.
 */
export class HeldFolders implements Confinement {
  readonly #root: string
  readonly #held = new Map<string, HeldFolder>()
  #lastFolder = ''
  #lastPrefix = ''
  #entered = 0
  readonly #releaseSoon = atTurnEnd(() => this.release())

  /** `root` is absolute; it and what is above it may be reached by symlinks. */
  constructor(root: string) {
    this.#root = root
  }

  enter(path: string): string {
    if (!isBelow(this.#root, path)) {
      this.#entered++
      return path
    }
    const [folder, name] = splitPath(path)
    if (folder !== this.#lastFolder) {
      this.#lastPrefix = this.#hold(folder).prefix
      this.#lastFolder = folder
    }
    this.#entered++
    return this.#lastPrefix + name
  }

  look(path: string): string {
    const slash = path.lastIndexOf('/')
    const folder = path.slice(0, slash)
    if (folder === this.#lastFolder) return this.#lastPrefix + path.slice(slash + 1)
    const held = this.#held.get(folder)
    return held === undefined ? path : held.prefix + path.slice(slash + 1)
  }

  leave(): void {
    this.#entered--
    if (this.#entered === 0 && this.#held.size > heldMax) this.release()
  }

  drop(): void {
    this.leave()
  }

  forget(path: string): void {
    if (!this.#held.has(path)) return
    this.#lastFolder = ''
    for (const [folder, { handle }] of this.#held) {
      if (folder !== path && !folder.startsWith(`${path}/`)) continue
      this.#held.delete(folder)
      fs.closeSync(handle)
    }
  }

  release(): void {
    this.#lastFolder = ''
    for (const { handle } of this.#held.values()) fs.closeSync(handle)
    this.#held.clear()
  }

  #hold(folder: string): HeldFolder {
    const known = this.#held.get(folder)
    if (known !== undefined) return known
    const handle = this.#open(folder)
    const held = { handle, prefix: `${ownHandles}/${handle}/` }
    this.#held.set(folder, held)
    this.#releaseSoon()
    return held
  }

  #open(folder: string): number {
    if (folder === this.#root) return fs.openSync(folder, O_PATH | O_DIRECTORY)
    const [parent, name] = splitPath(folder)
    return fs.openSync(this.#hold(parent).prefix + name, O_PATH | O_DIRECTORY | O_NOFOLLOW)
  }
}

interface HeldFolder {
  readonly handle: number
  /** To be followed by a name. */
  readonly prefix: string
}

const heldMax = 64
