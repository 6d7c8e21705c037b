import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect } from 'vitest'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { prepareHome } from '../../src/node/home.ts'
import { noSettings, saveSettings } from '../../src/node/node-settings.ts'
import { runInMemory, type CliRun, type CliSetting } from './run-in-memory.ts'

/** A folder of its own in which `start` runs, with a home in it that is not there yet. */
export class StartWorld {
  readonly base: string
  readonly home: string
  readonly #runs: CliRun[] = []

  private constructor(base: string) {
    this.base = base
    this.home = join(base, 'home')
  }

  static async make(): Promise<StartWorld> {
    return new StartWorld(await mkdtemp(join(tmpdir(), 'p2psync-start-')))
  }

  start(argv: readonly string[], setting: Partial<CliSetting> = {}): CliRun {
    const run = runInMemory(['start', ...argv], { home: this.home, workingFolder: this.base, ...setting })
    this.#runs.push(run)
    return run
  }

  /** Waits until the node runs. */
  async started(argv: readonly string[], setting: Partial<CliSetting> = {}): Promise<CliRun> {
    const run = this.start(argv, setting)
    await expect.poll(() => run.node()?.listenerCount ?? 0, { timeout: 20_000 }).toBe(1)
    return run
  }

  /** As if a folder had been started before. */
  async knowFolder(path: string): Promise<void> {
    const id = parseFolderId('ab'.repeat(32))
    await saveSettings(await prepareHome(this.home), {
      ...noSettings,
      folders: [{ id, path, nonce: '01'.repeat(16), order: noOrder, paused: false }],
    })
  }

  /** Ends all that was started. */
  async remove(): Promise<void> {
    for (const run of this.#runs) await run.end()
    await rm(this.base, { recursive: true, force: true })
  }
}
