import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ControlServer } from '../../src/control/control-server.ts'
import { prepareHome } from '../../src/node/home.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { FakeNode } from '../control/fake-node.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { runInMemory, type CliSetting } from './run-in-memory.ts'

/** A folder of its own with a home in it, in which commands run, beside a fake node or none. */
export class CommandWorld {
  readonly base: string
  readonly home: string
  /** That of the fake node, once there is one. */
  server: ControlServer | null = null

  private constructor(base: string) {
    this.base = base
    this.home = join(base, 'home')
  }

  static async make(): Promise<CommandWorld> {
    return new CommandWorld(await mkdtemp(join(tmpdir(), 'p2psync-cli-')))
  }

  async runningNode(): Promise<FakeNode> {
    const prepared = await prepareHome(this.home)
    const node = new FakeNode(prepared.path)
    this.server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home: prepared.path })
    await this.server.start()
    this.server.serve(node)
    return node
  }

  /** Runs a command to its end. */
  async run(
    argv: readonly string[],
    setting: Partial<CliSetting> = {},
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const cli = runInMemory(argv, { home: this.home, ...setting })
    return { code: await cli.exitCode, stdout: cli.stdout(), stderr: cli.stderr() }
  }

  async remove(): Promise<void> {
    await this.server?.stop()
    await rm(this.base, { recursive: true, force: true })
  }
}
