import * as fs from 'node:fs'
import { atTurnEnd, isBelow, splitPath, type Confinement } from './confinement.ts'
import { DiskError } from './disk-error.ts'

/**
 * Confinement by looks, where a handle has no name (macOS, Windows, Linux without /proc): the parents are looked at from the
 * root down once a turn of the event loop, and the folder of a path right before and right after each call. A symlink that
 * is in the way is never followed. One that is swapped in between a look and the call is followed once, and told after.
 */
export class CheckedFolders implements Confinement {
  readonly #root: string
  readonly #checked = new Map<string, Identity>()
  readonly #releaseSoon = atTurnEnd(() => this.release())

  /** `root` is absolute; it and what is above it may be reached by symlinks. */
  constructor(root: string) {
    this.#root = root
  }

  enter(path: string): string {
    if (!isBelow(this.#root, path)) return path
    const [folder] = splitPath(path)
    if (!this.#isSame(folder)) {
      this.release()
      this.#check(folder)
    }
    return path
  }

  look(path: string): string {
    return path
  }

  leave(path: string): void {
    if (!isBelow(this.#root, path)) return
    const [folder] = splitPath(path)
    if (!this.#isSame(folder)) throw new DiskError('ENOTDIR', folder)
  }

  drop(): void {
    this.release()
  }

  forget(): void {
    this.release()
  }

  release(): void {
    this.#checked.clear()
  }

  #isSame(folder: string): boolean {
    const known = this.#checked.get(folder)
    if (known === undefined) return false
    const now = lookAtFolder(folder, { follow: folder === this.#root })
    return now.inode === known.inode && now.device === known.device
  }

  #check(folder: string): void {
    if (this.#checked.has(folder)) return
    if (folder !== this.#root) this.#check(splitPath(folder)[0])
    this.#checked.set(folder, lookAtFolder(folder, { follow: folder === this.#root }))
    this.#releaseSoon()
  }
}

interface Identity {
  readonly device: bigint
  readonly inode: bigint
}

function lookAtFolder(path: string, { follow }: { follow: boolean }): Identity {
  const stats = follow ? fs.statSync(path, { bigint: true }) : fs.lstatSync(path, { bigint: true })
  if (!stats.isDirectory()) throw new DiskError('ENOTDIR', path)
  return { device: stats.dev, inode: stats.ino }
}
