import type { Home } from './home.ts'
import { loadSettings, saveSettings, type NodeSettings } from './node-settings.ts'
import { SerialQueue } from './serial-queue.ts'

/** What the node remembers, in memory and on disk: updates are written one after the other, each whole. */
export class SettingsFile {
  readonly #home: Home
  readonly #writes = new SerialQueue()
  #current: NodeSettings

  private constructor(home: Home, current: NodeSettings) {
    this.#home = home
    this.#current = current
  }

  /** @throws {P2psyncError} `node-failed` when the file is damaged, `disk-failed` when it cannot be read. */
  static async open(home: Home): Promise<SettingsFile> {
    return new SettingsFile(home, await loadSettings(home))
  }

  get current(): NodeSettings {
    return this.#current
  }

  /** Resolves when the change is on disk; one that changes nothing writes nothing. */
  update(change: (settings: NodeSettings) => NodeSettings): Promise<void> {
    return this.#writes.run(async () => {
      const next = change(this.#current)
      if (JSON.stringify(next) === JSON.stringify(this.#current)) return
      await saveSettings(this.#home, next)
      this.#current = next
    })
  }
}
