import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type Socket } from 'node:net'
import { assert, AssertionError, errorText, P2psyncError, systemCode } from '../model/errors.ts'
import { version } from '../model/version.ts'
import {
  controlSocketPath,
  prepareSocketFolder,
  protectSocket,
  removeSocket,
  whileReplacing,
} from '../node/control-socket.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { apiHeader, apiVersion, versionHeader, type ErrorBody } from './control-protocol.ts'
import { findRoute } from './control-routes.ts'
import type { NodeApi } from '../node/node-api.ts'
import { readBody } from './read-body.ts'
import { RequestProblem } from './request-problem.ts'
import { streamEvents } from './stream-events.ts'

/**
 * The local control API of one home, and its lock: whoever listens on the socket is the node of this home.
 *
 * `start` takes the home before anything in it is opened; calls that come in wait until `serve` names the node. `stop`
 * comes last, when the home is free for the next node.
 */
export class ControlServer {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #home: string
  readonly #server: Server
  readonly #streams = new Set<ServerResponse>()
  readonly #api = Promise.withResolvers<NodeApi>()
  #socketPath = ''

  constructor(dependencies: { readonly clock: Clock; readonly logger: Logger }, options: { readonly home: string }) {
    this.#clock = dependencies.clock
    this.#logger = dependencies.logger
    this.#home = options.home
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
      void this.#answer(request, response)
    })
    this.#server.maxConnections = 64
    // A node that never came up is reported to those who wait for it, not to the process.
    this.#api.promise.catch(() => undefined)
  }

  /**
   * Takes the home; the socket of a dead node is replaced.
   *
   * @throws {P2psyncError} `home-busy` when another node has it, `disk-failed` when no socket can be made.
   */
  async start(): Promise<void> {
    assert(this.#socketPath === '', 'the control server is started once')
    const path = await controlSocketPath(this.#home)
    await prepareSocketFolder(path)
    this.#socketPath = path
    if (!(await this.#bind(path)) && !(await this.#replace(path))) throw busy(this.#home)
    this.#server.on('error', (error) => this.#logger.warn('the control socket failed', { error: errorText(error) }))
    await protectSocket(path)
  }

  /** From now on calls are answered by `api`. */
  serve(api: NodeApi): void {
    this.#api.resolve(api)
  }

  /** Ends every connection, removes the socket and gives the home up. */
  async stop(): Promise<void> {
    this.#api.reject(new P2psyncError('node-failed', 'the node ended before it was ready'))
    if (!this.#server.listening) return
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    for (const stream of this.#streams) stream.end()
    // Whoever asked the node to stop still gets the answer.
    const patience = new AbortController()
    const timeUp = this.#clock.sleep(lastAnswersMs, patience.signal).catch(() => undefined)
    await Promise.race([closed.promise, timeUp])
    patience.abort()
    this.#server.closeAllConnections()
    await closed.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }

  async #bind(path: string): Promise<boolean> {
    try {
      await listen(this.#server, path)
      return true
    } catch (error) {
      // Windows says EACCES for a pipe that exists.
      if (systemCode(error) === 'EADDRINUSE' || (process.platform === 'win32' && systemCode(error) === 'EACCES')) {
        return false
      }
      throw new P2psyncError('disk-failed', `the control socket ${path} cannot be made: ${errorText(error)}`, {
        hint: 'Choose a state directory on a local disk with --home.',
        cause: error,
      })
    }
  }

  async #replace(path: string): Promise<boolean> {
    let bound = false
    await whileReplacing(path, async () => {
      if (await answers(path)) return
      await removeSocket(path)
      bound = await this.#bind(path)
    })
    return bound
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader(apiHeader, apiVersion)
    response.setHeader(versionHeader, version)
    try {
      const route = findRoute(request.method ?? '', request.url ?? '')
      const body = await readBody(request)
      const api = await this.#api.promise
      if (route.kind === 'events') this.#stream(api, response)
      else sendJson(response, 200, (await route.answer(api, { query: route.query, body })) ?? {})
    } catch (error) {
      this.#fail(response, error)
    }
  }

  #stream(api: NodeApi, response: ServerResponse): void {
    this.#streams.add(response)
    response.once('close', () => this.#streams.delete(response))
    streamEvents(api, response)
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (!(error instanceof P2psyncError)) this.#logger.error('a control call failed', { error: stackOf(error) })
    if (response.headersSent) {
      response.destroy()
      return
    }
    // The rest of a request that was refused is not read.
    response.setHeader('connection', 'close')
    sendJson(response, error instanceof RequestProblem ? error.status : httpStatus(error), errorBody(error))
  }
}

const lastAnswersMs = 1000

async function listen(server: Server, path: string): Promise<void> {
  const listening = Promise.withResolvers<void>()
  server.once('error', listening.reject)
  server.listen(path, () => listening.resolve())
  try {
    await listening.promise
  } finally {
    server.off('error', listening.reject)
  }
}

async function answers(path: string): Promise<boolean> {
  const result = Promise.withResolvers<boolean>()
  const socket: Socket = connect(path, () => result.resolve(true))
  // Anything but a refusal (a full backlog, say) means that somebody is there.
  socket.once('error', (error) => result.resolve(!['ECONNREFUSED', 'ENOENT'].includes(systemCode(error))))
  try {
    return await result.promise
  } finally {
    socket.destroy()
  }
}

function busy(home: string): P2psyncError {
  return new P2psyncError('home-busy', `a p2psync node already runs with the state directory ${home}`, {
    hint: 'Stop it with p2psync stop, or give this one a state of its own with --home.',
  })
}

function sendJson(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(value)}\n`)
}

function errorBody(error: unknown): ErrorBody {
  if (error instanceof P2psyncError) return { code: error.code, message: error.message, hint: error.hint }
  return { code: 'node-failed', message: 'the node failed to answer', hint: 'Its log says why.' }
}

function httpStatus(error: unknown): number {
  if (!(error instanceof P2psyncError)) return 500
  if (['usage', 'bad-key', 'bad-path', 'bad-address'].includes(error.code)) return 400
  if (error.code === 'folder-unknown' || error.code === 'peer-unknown') return 404
  return /^(home|folder|port)-/.test(error.code) || error.code === 'wrong-key' ? 409 : 500
}

function stackOf(error: unknown): string {
  return error instanceof AssertionError || error instanceof Error ? (error.stack ?? error.message) : errorText(error)
}
