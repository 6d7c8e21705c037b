import { DoubtfulFolders } from './doubtful-folders.ts'
import { FolderTree, isSameFolder, type WatchedFolder } from './folder-tree.ts'
import { hintOfSpelled, isPrivateFolder } from './hint-path.ts'
import type { TreeWatcher, TreeWatcherDeps } from './tree-watcher.ts'
import { explainWatchError, isLimitError } from './watch-trouble.ts'
import { WatchRetry } from './watch-retry.ts'
import { WatchWork, type WatchJob } from './watch-work.ts'
import { isGone, type FolderIdentity, type WatchedDisk } from './watched-disk.ts'

/**
 * Watches a tree with one inotify watch a folder, and knows nothing of files: 2 KB a folder, nothing a file.
 *
 * A new folder is listed after its watch stands, and hinted at once more when all below it is watched: whoever walks it then
 * sees what came before, and every later change is an event. A renamed folder is recognised by its inode and takes its
 * watches along; only its two names are told. A folder that left the tree keeps its watches for a turn or two, as its new
 * name may follow.
 */
export class FolderLevelWatcher implements TreeWatcher {
  readonly #deps: TreeWatcherDeps & { readonly disk: WatchedDisk }
  readonly #stopping = new AbortController()
  readonly #work: WatchWork
  #tree: FolderTree
  /** Renamed in this turn: their watches are about to say so under their old names. */
  readonly #moved = new Set<WatchedFolder>()
  readonly #doubtful = new DoubtfulFolders()
  readonly #retry: WatchRetry
  #returning: Promise<void> | null = null

  constructor(deps: TreeWatcherDeps & { readonly disk: WatchedDisk }) {
    this.#deps = deps
    this.#tree = newTree(deps.root)
    this.#work = new WatchWork({
      begin: ({ folder }) => this.#begin(folder),
      readFolder: (path) => deps.disk.readFolder(path),
      onFolders: (job, names) => this.#onFolders(job, names),
      onListed: ({ folder }, names) => this.#onListed(folder, names),
      onComplete: (top) => this.#onComplete(top),
      onLeft: (folder) => this.#onLeft(folder),
      onTurnEnd: () => this.#onTurnEnd(),
      onError: (error, folder) => this.#tell(error, folder),
    })
    this.#retry = new WatchRetry({
      clock: deps.clock,
      signal: this.#stopping.signal,
      watch: (folder) => {
        this.#begin(folder)
        return folder.watch !== null || this.#tree.pathOf(folder) === null
      },
      watchAll: () => this.resync(),
      onDone: () => deps.queue.addRecovery(),
    })
  }

  async open(): Promise<void> {
    const { root } = this.#tree
    if (!this.#watch(root, '')) throw new Error(`there is no folder at ${this.#deps.root}`)
    this.#work.addTree(root)
    await this.#work.idle()
  }

  async close(): Promise<void> {
    this.#stopping.abort(new Error('the watcher was closed'))
    this.#work.stop()
    await Promise.all([this.#returning, this.#retry.ended()])
    const folders = this.#work.takeLeft()
    folders.push(this.#tree.root)
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      folder.watch?.close()
      for (const child of folder.children?.values() ?? []) folders.push(child)
    }
  }

  /** After events were lost: compares every folder with the disk, and gives each a fresh watch. */
  resync(): Promise<void> {
    return this.#work.doAll(() => this.#tree.root)
  }

  #onEvent(folder: WatchedFolder, kind: 'rename' | 'change', name: string): void {
    this.#deps.turns.count()
    const path = this.#tree.pathOf(folder)
    if (kind === 'rename' || path === null) this.#doubt(folder)
    if (path === null) return
    try {
      if (kind === 'rename' && name === folder.watchedAs && this.#isOfItself(folder, path)) return
      if (path === '' && isPrivateFolder(name)) return
      if (kind === 'rename') this.#lookAt(folder, name, join(path, name))
      else this.#tryAgain(folder, name)
    } catch (error) {
      this.#tell(error, folder)
    }
    this.#hint(join(path, name))
  }

  /** True when what the watch tells under the folder's own name is of the folder, not of an entry that is called as it is. */
  #isOfItself(folder: WatchedFolder, path: string): boolean {
    if (this.#moved.delete(folder)) return true
    if (path === '') return !this.#checkRoot()
    return !isSameFolder(folder.identity, this.#identityAt(path))
  }

  /** The permissions of a folder that could not be watched may be others now. */
  #tryAgain(parent: WatchedFolder, name: string): void {
    const child = parent.children?.get(name)
    if (child?.watch === null) this.#work.addTree(child)
  }

  /** What is called `name` in `parent` came, went, or was replaced. */
  #lookAt(parent: WatchedFolder, name: string, path: string): void {
    const found = this.#identityAt(path)
    const child = parent.children?.get(name)
    if (child !== undefined && isSameFolder(child.identity, found)) {
      // It may have been away, with another in its place when its watch was made.
      this.#work.add({ folder: child, addition: null, isDeep: false })
      return
    }
    if (child !== undefined) this.#detach(child)
    if (found === null) return
    const moved = this.#tree.find(found)
    if (moved === null || !this.#mayMove(moved, parent, found)) {
      this.#work.addTree(this.#tree.add(parent, name))
      return
    }
    const from = this.#tree.pathOf(moved)
    if (from !== null) this.#hint(from)
    this.#tree.move(moved, parent, name)
    this.#moved.add(moved)
    this.#doubt(moved)
    for (const folder of this.#doubtful.within(moved, this.#tree)) {
      this.#work.add({ folder, addition: null, isDeep: false })
    }
  }

  #doubt(folder: WatchedFolder): void {
    this.#doubtful.add(folder)
    this.#work.wake()
  }

  #onTurnEnd(): void {
    this.#moved.clear()
    if (this.#doubtful.endTurn(this.#tree)) this.#work.wake()
  }

  /** True when the folder is not at its own place any more, so that it must be the one that turned up elsewhere. */
  #mayMove(folder: WatchedFolder, parent: WatchedFolder, identity: FolderIdentity): boolean {
    // An inode may be given anew.
    if (folder.watch === null || folder.identity?.bornNs !== identity.bornNs) return false
    if (this.#tree.isWithin(parent, folder)) return false
    const path = this.#tree.pathOf(folder)
    return path === null || !isSameFolder(this.#identityAt(path), identity)
  }

  #detach(folder: WatchedFolder): void {
    this.#tree.detach(folder)
    this.#work.addLeft(folder)
  }

  /** Ends the watch of a folder that is out of the tree, unless it was moved back. */
  #onLeft(folder: WatchedFolder): readonly WatchedFolder[] {
    if (this.#tree.pathOf(folder) !== null) return []
    folder.watch?.close()
    folder.watch = null
    this.#tree.forget(folder)
    this.#doubtful.delete(folder)
    return [...(folder.children?.values() ?? [])]
  }

  #begin(folder: WatchedFolder): string | null {
    const path = this.#tree.pathOf(folder)
    if (path === null) return null
    try {
      if (!this.#watch(folder, path)) this.#onGone(folder)
      else if (folder.identity?.mayHoldFolders === true) return this.#absolute(path)
      else this.#onListed(folder, new Set())
    } catch (error) {
      this.#tell(error, folder)
    }
    return null
  }

  /** It is not there, or no longer at this path: of both its parent's watch tells. */
  #onGone(folder: WatchedFolder): void {
    if (folder.parent === null) return
    this.#doubt(folder.parent)
    this.#detach(folder)
  }

  /** False when something else is there; throws when it cannot be watched. A folder that is watched already gets a new watch. */
  #watch(folder: WatchedFolder, path: string): boolean {
    const { disk } = this.#deps
    const watch = disk.watch(this.#absolute(path), (kind, name) => this.#onEvent(folder, kind, name))
    // The watch follows a link; whoever put one here, the parent's watch tells of it soon.
    const identity = this.#identityAt(path)
    if (identity === null) {
      watch.close()
      return false
    }
    if (folder.watch === null) folder.watchedAs = folder.name
    // After the new one: while there is one, the kernel's own watch goes on.
    folder.watch?.close()
    folder.watch = watch
    this.#tree.identify(folder, identity)
    return true
  }

  #onFolders({ folder, addition, isDeep }: WatchJob, names: readonly string[]): void {
    const path = this.#tree.pathOf(folder)
    if (path === null) return
    for (const name of names) {
      if (path === '' && isPrivateFolder(name)) continue
      const child = folder.children?.get(name)
      if (child === undefined) this.#work.addTree(this.#tree.add(folder, name), addition)
      else if (child.identity === null || isSameFolder(child.identity, this.#identityAt(join(path, name)))) {
        if (isDeep) this.#work.add({ folder: child, addition, isDeep })
      } else {
        this.#detach(child)
        this.#work.addTree(this.#tree.add(folder, name), addition)
      }
    }
  }

  #onListed(folder: WatchedFolder, names: ReadonlySet<string>): void {
    for (const child of folder.children?.values() ?? []) {
      const path = names.has(child.name) ? null : this.#tree.pathOf(child)
      if (path !== null && this.#identityAt(path) === null) this.#detach(child)
    }
  }

  /** What came into the tree before all of it was watched, only a walk finds. At the start that is the caller's. */
  #onComplete(top: WatchedFolder): void {
    const path = this.#tree.pathOf(top)
    if (path !== null && path !== '') this.#hint(path)
  }

  /** False when the root is not there any more, or is another. */
  #checkRoot(): boolean {
    const { root } = this.#tree
    const found = this.#identityAt('')
    if (isSameFolder(found, root.identity)) {
      // An inode may be given anew.
      if (found?.bornNs !== root.identity?.bornNs) this.#hint('')
      this.#work.add({ folder: root, addition: null, isDeep: false })
      return true
    }
    this.#tree = newTree(this.#deps.root)
    this.#work.addLeft(root)
    this.#hint('')
    this.#returning ??= this.#return().finally(() => {
      this.#returning = null
    })
    return false
  }

  /** Waits until there is a folder at the root's place. */
  async #return(): Promise<void> {
    const { signal } = this.#stopping
    while (this.#tree.root.watch === null && !signal.aborted) {
      const { root } = this.#tree
      try {
        if (this.#watch(root, '')) {
          this.#work.addTree(root)
          await this.#work.idle()
          if (!signal.aborted) this.#hint('')
          continue
        }
      } catch (error) {
        this.#tell(error, root)
      }
      await this.#deps.clock.sleep(returnPollMs, signal).catch(() => undefined)
    }
  }

  #tell(error: unknown, folder: WatchedFolder): void {
    if (isGone(error)) return this.#onGone(folder)
    this.#deps.queue.addFailure(explainWatchError(error, this.#deps.disk, this.#tree.pathOf(folder) ?? ''))
    if (isLimitError(error)) this.#retry.add(folder)
  }

  #hint(path: string): void {
    this.#deps.queue.add(hintOfSpelled(path))
  }

  #identityAt(path: string): FolderIdentity | null {
    return this.#deps.disk.lookAtFolder(this.#absolute(path === '' ? '.' : path))
  }

  #absolute(path: string): string {
    return path === '' ? this.#deps.root : `${this.#deps.root}/${path}`
  }
}

const returnPollMs = 1000

function newTree(root: string): FolderTree {
  return new FolderTree(root.slice(root.lastIndexOf('/') + 1))
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
