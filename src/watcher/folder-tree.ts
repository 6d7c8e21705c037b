import type { FolderIdentity, FolderWatch } from './watched-disk.ts'

/** A folder of the tree that is watched, or is to be. Only {@link FolderTree} changes name, parent, children and identity. */
export interface WatchedFolder {
  name: string
  /** Null for the root, and for a folder that was taken out of the tree. */
  parent: WatchedFolder | null
  children: Map<string, WatchedFolder> | null
  /** Null until it is watched. */
  identity: FolderIdentity | null
  watch: FolderWatch | null
  /** The name under which the watch tells of the folder itself: the one it had when it was first watched. */
  watchedAs: string
}

/**
 * The folders below a root, as far as they are known. A watch follows the inode, not the path; so does a folder here: one
 * that is renamed keeps its watches and those of all below it, and only the path that is read from the tree is another.
 */
export class FolderTree {
  readonly root: WatchedFolder
  readonly #byInode = new Map<bigint, WatchedFolder>()

  constructor(rootName: string) {
    this.root = newFolder(rootName)
  }

  /** Relative to the root, '' for the root itself; null when the folder is not in the tree. */
  pathOf(folder: WatchedFolder): string | null {
    let path = ''
    let at = folder
    while (at.parent !== null) {
      path = path === '' ? at.name : `${at.name}/${path}`
      at = at.parent
    }
    return at === this.root ? path : null
  }

  /** True for `top` itself, and for all below it. */
  isWithin(folder: WatchedFolder, top: WatchedFolder): boolean {
    let at: WatchedFolder | null = folder
    while (at !== null && at !== top) at = at.parent
    return at === top
  }

  /** The folder that was last seen with this identity, in the tree or taken out and not yet forgotten. */
  find(identity: FolderIdentity): WatchedFolder | null {
    const folder = this.#byInode.get(identity.inode)
    return folder?.identity?.device === identity.device ? folder : null
  }

  identify(folder: WatchedFolder, identity: FolderIdentity): void {
    const { identity: old } = folder
    if (old !== null && this.#byInode.get(old.inode) === folder) this.#byInode.delete(old.inode)
    folder.identity = identity
    this.#byInode.set(identity.inode, folder)
  }

  add(parent: WatchedFolder, name: string): WatchedFolder {
    const folder = newFolder(name)
    this.#attach(folder, parent, name)
    return folder
  }

  /** Takes a folder with all below it out of the tree; they stay known until they are forgotten. */
  detach(folder: WatchedFolder): void {
    folder.parent?.children?.delete(folder.name)
    folder.parent = null
  }

  /** `parent` must have no child of this name, and not lie below `folder`. */
  move(folder: WatchedFolder, parent: WatchedFolder, name: string): void {
    this.detach(folder)
    this.#attach(folder, parent, name)
  }

  /** `folder` alone, which is out of the tree, is not found any more. */
  forget(folder: WatchedFolder): void {
    const inode = folder.identity?.inode
    if (inode !== undefined && this.#byInode.get(inode) === folder) this.#byInode.delete(inode)
  }

  #attach(folder: WatchedFolder, parent: WatchedFolder, name: string): void {
    folder.name = name
    folder.parent = parent
    parent.children ??= new Map()
    parent.children.set(name, folder)
  }
}

/** True when both are known and the same. */
export function isSameFolder(a: FolderIdentity | null, b: FolderIdentity | null): boolean {
  return a !== null && b !== null && a.inode === b.inode && a.device === b.device
}

function newFolder(name: string): WatchedFolder {
  return { name, parent: null, children: null, identity: null, watch: null, watchedAs: name }
}
