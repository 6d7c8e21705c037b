import type { FolderWatcher, WatchHint } from '../../src/ports/folder-watcher.ts'

/** A watcher that a test drives by hand. */
export class HandWatcher implements FolderWatcher {
  hint: (hint: WatchHint) => void = () => undefined

  start(_root: string, onHint: (hint: WatchHint) => void): Promise<void> {
    this.hint = onHint
    return Promise.resolve()
  }

  stop(): Promise<void> {
    this.hint = () => undefined
    return Promise.resolve()
  }
}
