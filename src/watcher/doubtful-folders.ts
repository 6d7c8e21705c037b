import type { FolderTree, WatchedFolder } from './folder-tree.ts'

/**
 * Folders into which we looked by a path that may have been out of date: they may have moved before, of which we are told
 * only later. Should that come, they are to be listed again.
 */
export class DoubtfulFolders {
  readonly #turns = new Map<WatchedFolder, number>()
  #turn = 0

  add(folder: WatchedFolder): void {
    this.#turns.set(folder, this.#turn)
  }

  /** Closed for good: nothing can come of it. */
  delete(folder: WatchedFolder): void {
    this.#turns.delete(folder)
  }

  /** `top` itself and what is below it. */
  within(top: WatchedFolder, tree: FolderTree): readonly WatchedFolder[] {
    return [...this.#turns.keys()].filter((folder) => tree.isWithin(folder, top))
  }

  /**
   * What is still in its place two turns later has not moved; what is out of the tree may yet come back.
   *
   * @returns true when this is to be asked again at the end of the next turn.
   */
  endTurn(tree: FolderTree): boolean {
    this.#turn++
    let mayChange = false
    for (const [folder, turn] of this.#turns) {
      if (tree.pathOf(folder) === null) continue
      if (turn + 2 < this.#turn) this.#turns.delete(folder)
      else mayChange = true
    }
    return mayChange
  }
}
