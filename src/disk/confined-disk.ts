import { errorText, systemCode } from '../model/errors.ts'
import type { DiskEntry, FileHandle, FolderEntry, OnlyName } from '../ports/disk.ts'
import { CheckedFolders } from './checked-folders.ts'
import type { Confinement } from './confinement.ts'
import { HeldFolders } from './held-folders.ts'
import { NodeDisk } from './node-disk.ts'
import { ownHandles } from './own-handles.ts'

/**
 * The file system of this machine below one root: no symlink is followed on the way, not in the last segment and in no
 * parent, even when one is swapped in at any moment. So whoever can write in the folder makes us neither read a byte nor
 * change anything outside of it. Where the system has no handles that can be named, a moment remains: {@link CheckedFolders}.
 *
 * Paths are the root, what is below it, and its own parents. Below a symlink everything throws `ENOTDIR`, but for the two
 * looks, `lstat` and `fileSystemAt`: they are most of a scan, and whoever asks has looked at the parents. Where handles of
 * the parents are held they look there, so that what is acted on is what was looked at; else they follow as systems do.
 */
export class ConfinedDisk extends NodeDisk {
  readonly #way: Confinement

  /** `root` is absolute. `holds`: by handles, which is the default where the system can. */
  constructor(root: string, { holds = ownHandles !== null }: { holds?: boolean } = {}) {
    super()
    this.#way = holds ? new HeldFolders(root) : new CheckedFolders(root)
  }

  override lstat(path: string): DiskEntry | null {
    return super.lstat(this.#way.look(path))
  }

  override fileSystemAt(path: string): bigint | null {
    return super.fileSystemAt(this.#way.look(path))
  }

  override readFolder(path: string): readonly FolderEntry[] {
    return this.#act(path, (at) => super.readFolder(at))
  }

  override readLink(path: string): string {
    return this.#act(path, (at) => super.readLink(at))
  }

  override openRead(path: string, options?: { readonly unchecked: boolean }): FileHandle {
    return this.#open(path, (at) => super.openRead(at, options))
  }

  override create(path: string, mode: number): FileHandle {
    return this.#open(path, (at) => super.create(at, mode))
  }

  override openWrite(path: string, options?: OnlyName): FileHandle {
    return this.#open(path, (at) => super.openWrite(at, options))
  }

  override makeFolder(path: string): void {
    this.#act(path, (at) => super.makeFolder(at))
  }

  override makeLink(path: string, target: string): void {
    this.#act(path, (at) => super.makeLink(at, target))
  }

  override setLinkMtime(path: string, mtimeNs: bigint): void {
    this.#act(path, (at) => super.setLinkMtime(at, mtimeNs))
  }

  override setPathMode(path: string, mode: number, options?: OnlyName): void {
    this.#act(path, (at) => super.setPathMode(at, mode, options))
  }

  override hardLink(from: string, to: string): void {
    this.#act(from, (atFrom) => this.#act(to, (atTo) => super.hardLink(atFrom, atTo)))
  }

  override rename(from: string, to: string): void {
    this.#act(from, (atFrom) => this.#act(to, (atTo) => super.rename(atFrom, atTo)))
    this.#way.forget(from)
    this.#way.forget(to)
  }

  override copyFile(from: string, to: string): void {
    this.#act(from, (atFrom) => this.#act(to, (atTo) => super.copyFile(atFrom, atTo)))
    this.#way.release()
  }

  override cloneFile(from: string, to: string): boolean {
    return this.#act(from, (atFrom) => this.#act(to, (atTo) => super.cloneFile(atFrom, atTo)))
  }

  override unlink(path: string): void {
    this.#act(path, (at) => super.unlink(at))
  }

  override removeFolder(path: string): void {
    this.#act(path, (at) => super.removeFolder(at))
    this.#way.forget(path)
  }

  override syncFolder(path: string): void {
    this.#act(path, (at) => super.syncFolder(at))
  }

  override syncFileSystem(path: string): boolean {
    // What takes long is the time in which folders are moved.
    this.#way.release()
    return this.#act(path, (at) => super.syncFileSystem(at))
  }

  override freeBytes(path: string): number {
    return this.#act(path, (at) => super.freeBytes(at))
  }

  #open(path: string, open: (at: string) => FileHandle): FileHandle {
    return this.#act(path, open, (handle) => super.close(handle))
  }

  /** `undo` is for a result that nobody gets, since it may come from elsewhere. */
  #act<Result>(path: string, act: (at: string) => Result, undo?: (result: Result) => void): Result {
    const at = this.#enter(path)
    let result: Result
    try {
      result = act(at)
    } catch (error) {
      this.#way.drop()
      throw named(error, at, path)
    }
    try {
      this.#way.leave(path)
    } catch (error) {
      undo?.(result)
      throw error
    }
    return result
  }

  #enter(path: string): string {
    try {
      return this.#way.enter(path)
    } catch (error) {
      throw named(error, '', path)
    }
  }
}

/** The same error, with the path that was asked for in place of a handle's. */
function named(error: unknown, at: string, path: string): unknown {
  if (!(error instanceof Error) || systemCode(error) === '' || at === path) return error
  error.message = at === '' ? `${systemCode(error)}: a parent of ${path}` : errorText(error).replaceAll(at, path)
  if ('path' in error) error.path = path
  return error
}
