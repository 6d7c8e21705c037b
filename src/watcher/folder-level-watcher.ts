import { FolderTree, isSameFolder, type WatchedFolder } from './folder-tree.ts'
import { hintOfSpelled, isPrivateFolder } from './hint-path.ts'
import type { TreeWatcher, TreeWatcherDeps } from './tree-watcher.ts'
import { explainWatchError, isLimitError } from './watch-trouble.ts'
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
  /** One of the folders for which the system had no watch left. */
  #unwatched: WatchedFolder | null = null
  #isStale = false
  #resyncing: Promise<void> | null = null
  #returning: Promise<void> | null = null
  #retrying: Promise<void> | null = null

  constructor(deps: TreeWatcherDeps & { readonly disk: WatchedDisk }) {
    this.#deps = deps
    this.#tree = newTree(deps.root)
    this.#work = new WatchWork({
      begin: (job) => this.#begin(job),
      readFolder: (path) => deps.disk.readFolder(path),
      onFolders: (job, names) => this.#onFolders(job, names),
      onListed: (job, names) => this.#onListed(job, names),
      onComplete: (top) => this.#onComplete(top),
      onLeft: (folder) => this.#onLeft(folder),
      onTurnEnd: () => this.#moved.clear(),
      onError: (error, folder) => this.#tell(error, folder),
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
    await Promise.all([this.#returning, this.#retrying, this.#resyncing])
    const folders = this.#work.takeLeft()
    folders.push(this.#tree.root)
    for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
      folder.watch?.close()
      for (const child of folder.children?.values() ?? []) folders.push(child)
    }
  }

  /** After events were lost: compares every folder with the disk, and gives each a fresh watch. Returns before that is done. */
  resync(): void {
    this.#isStale = true
    this.#resyncing ??= this.#resyncNow().finally(() => {
      this.#resyncing = null
    })
  }

  async #resyncNow(): Promise<void> {
    while (this.#isStale && !this.#stopping.signal.aborted) {
      this.#isStale = false
      this.#work.add({ folder: this.#tree.root, addition: null, isDeep: true })
      await this.#work.idle()
    }
  }

  #onEvent(folder: WatchedFolder, kind: 'rename' | 'change', name: string | null): void {
    this.#deps.turns.count()
    const path = this.#tree.pathOf(folder)
    if (path === null) return
    if (name === null) {
      this.#hint(path)
      return
    }
    if (kind === 'rename' && name === folder.watchedAs && this.#moved.delete(folder)) return
    try {
      if (kind === 'rename' && path === '' && name === folder.watchedAs && !this.#checkRoot()) return
      if (path === '' && isPrivateFolder(name)) return
      if (kind === 'rename') this.#lookAt(folder, name, join(path, name))
      else this.#tryAgain(folder, name)
    } catch (error) {
      this.#tell(error, folder)
    }
    this.#hint(join(path, name))
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
    this.#work.wake()
  }

  /** True when the folder is not at its own place any more, so that it must be the one that turned up elsewhere. */
  #mayMove(folder: WatchedFolder, parent: WatchedFolder, identity: FolderIdentity): boolean {
    if (folder.watch === null || this.#tree.isWithin(parent, folder)) return false
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
    return [...(folder.children?.values() ?? [])]
  }

  #begin({ folder }: WatchJob): string | null {
    const path = this.#tree.pathOf(folder)
    if (path === null) return null
    try {
      return this.#watch(folder, path) ? this.#absolute(path) : null
    } catch (error) {
      this.#tell(error, folder)
      return null
    }
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

  #onListed({ folder }: WatchJob, names: ReadonlySet<string>): void {
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
    // Its parent's watch tells what became of it.
    if (isGone(error)) return
    const path = this.#tree.pathOf(folder)
    this.#deps.queue.addFailure(explainWatchError(error, this.#deps.disk, path ?? ''))
    if (!isLimitError(error)) return
    this.#unwatched = folder
    this.#retrying ??= this.#retry()
  }

  /** Until there are watches for all folders. */
  async #retry(): Promise<void> {
    const { clock, queue } = this.#deps
    const { signal } = this.#stopping
    while (this.#unwatched !== null && !signal.aborted) {
      await clock.sleep(retryMs, signal).catch(() => undefined)
      if (signal.aborted) break
      const folder = this.#unwatched
      this.#unwatched = null
      if (this.#begin({ folder, addition: null, isDeep: false }) !== null || this.#tree.pathOf(folder) === null) {
        this.resync()
        await this.#resyncing
      }
      if (this.#unwatched === null) queue.addOverflow()
    }
    this.#retrying = null
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
const retryMs = 60_000

function newTree(root: string): FolderTree {
  return new FolderTree(root.slice(root.lastIndexOf('/') + 1))
}

function join(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`
}
