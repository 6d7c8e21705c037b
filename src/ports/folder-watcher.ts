/** Tells which paths of a folder may have changed. A hint: what is lost here, the next scan finds. */
export interface FolderWatcher {
  /**
   * Resolves when watching has begun. `onHint` is called with each batch and must not block.
   *
   * @throws {P2psyncError} `limit` when the system has no watches left at all; scanning goes on without it.
   */
  start(root: string, onHint: (hint: WatchHint) => void): Promise<void>
  stop(): Promise<void>
}

export type WatchHint =
  /**
   * Paths relative to the root as the disk spells them, `/` between segments; '' is the root. A folder stands for all below
   * it. Both ends of a rename come in one hint when the kernel told them together; of a folder that moved perhaps nothing
   * else.
   */
  | { readonly type: 'paths'; readonly paths: readonly string[] }
  /** Events were or may have been lost: look at everything. */
  | { readonly type: 'overflow' }
  /** All folders are watched again after a `failed`; an `overflow` follows. */
  | { readonly type: 'recovered' }
  /**
   * Some folders, or all, are not watched from now on, until `recovered`: what changes in them only a scan finds. Each
   * reason is said once.
   */
  | { readonly type: 'failed'; readonly reason: string; readonly hint: string }
