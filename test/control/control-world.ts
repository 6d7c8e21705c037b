import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ControlClient } from '../../src/control/control-client.ts'
import { ControlServer } from '../../src/control/control-server.ts'
import { prepareHome } from '../../src/node/home.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { FakeNode } from './fake-node.ts'

/** A home in a folder of its own, and the control servers that try to have it. */
export class ControlWorld {
  readonly base: string
  /** What servers are made for from now on. */
  home: string
  readonly #servers: ControlServer[] = []

  private constructor(base: string, home: string) {
    this.base = base
    this.home = home
  }

  static async make(): Promise<ControlWorld> {
    const base = await mkdtemp(join(tmpdir(), 'p2psync-control-'))
    return new ControlWorld(base, (await prepareHome(join(base, 'home'))).path)
  }

  /** Not started. */
  newServer(): ControlServer {
    const server = new ControlServer({ clock: systemClock, logger: silentLogger }, { home: this.home })
    this.#servers.push(server)
    return server
  }

  async serve(
    node = new FakeNode(this.home),
  ): Promise<{ node: FakeNode; client: ControlClient; server: ControlServer }> {
    const server = this.newServer()
    await server.start()
    server.serve(node)
    return { node, client: new ControlClient({ home: this.home }), server }
  }

  async remove(): Promise<void> {
    for (const server of this.#servers) await server.stop()
    await rm(this.base, { recursive: true, force: true })
  }
}

/** Leaves the socket of a process that was killed. */
export async function leaveDeadSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
  await once(spawn(process.execPath, ['-e', script]), 'exit')
}
