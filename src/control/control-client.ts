import { request as httpRequest, type IncomingMessage } from 'node:http'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import type { GuardLimits, HeldChanges } from '../model/guard-limits.ts'
import type { ScrubAction, ScrubStatus } from '../model/scrub-status.ts'
import { version } from '../model/version.ts'
import { controlSocketPath } from '../node/control-socket.ts'
import { apiHeader, apiVersion, errorFromBody, versionHeader } from './control-protocol.ts'
import type {
  AddFolderRequest,
  FolderAdded,
  FolderStatus,
  HeldDecision,
  LimitChange,
  LimitsStatus,
  NodeEvent,
  NodeInfo,
  PausedPeer,
  PeerStatus,
} from '../node/node-api.ts'

/**
 * The running node of a home, seen from another process.
 *
 * Every call throws `no-node` when none runs, `node-failed` when it does not answer in time, ends meanwhile or is of
 * another version, and else what the node threw.
 */
export class ControlClient {
  readonly #home: string
  #socketPath: string | null = null

  constructor(options: { readonly home: string }) {
    this.#home = options.home
  }

  async info(): Promise<NodeInfo> {
    return (await this.#call('GET', '/v1/info')) as NodeInfo
  }

  async status(): Promise<readonly FolderStatus[]> {
    return (await this.#call('GET', '/v1/status')) as readonly FolderStatus[]
  }

  async peers(): Promise<readonly PeerStatus[]> {
    return (await this.#call('GET', '/v1/peers')) as readonly PeerStatus[]
  }

  async addFolder(request: AddFolderRequest): Promise<FolderAdded> {
    return (await this.#call('POST', '/v1/folders', request)) as FolderAdded
  }

  async removeFolder(path: string): Promise<void> {
    await this.#call('DELETE', `/v1/folders?${pathQuery(path)}`)
  }

  async setFolderPaused(path: string, paused: boolean): Promise<void> {
    await this.#call('POST', '/v1/folders/paused', { path, paused })
  }

  async decideHeld(path: string, decision: HeldDecision): Promise<readonly HeldChanges[]> {
    return (await this.#call('POST', '/v1/folders/held', { path, decision })) as readonly HeldChanges[]
  }

  async setGuard(path: string, limits: GuardLimits): Promise<void> {
    await this.#call('POST', '/v1/folders/guard', { path, limits })
  }

  async setPeerPaused(peer: string, paused: boolean): Promise<PausedPeer> {
    return (await this.#call('POST', '/v1/peers/paused', { peer, paused })) as PausedPeer
  }

  async scrub(path: string, action: ScrubAction): Promise<ScrubStatus> {
    return (await this.#call('POST', '/v1/folders/scrub', { path, action })) as ScrubStatus
  }

  async limits(): Promise<LimitsStatus> {
    return (await this.#call('GET', '/v1/limits')) as LimitsStatus
  }

  async setLimits(change: LimitChange): Promise<LimitsStatus> {
    return (await this.#call('POST', '/v1/limits', change)) as LimitsStatus
  }

  async folderKey(path: string): Promise<string> {
    const answer = (await this.#call('GET', `/v1/key?${pathQuery(path)}`)) as { key: string }
    return answer.key
  }

  /** Resolves once the node has closed everything; its process ends right after. */
  async stop(): Promise<void> {
    const response = await this.#send('POST', '/v1/stop', undefined, stopTimeoutMs)
    await readAnswer(response)
  }

  /** Whether a node listens, ready or not; one that is just closing may still be said to, so ask again. */
  async isListening(): Promise<boolean> {
    try {
      await this.#send('GET', '/v1', undefined, answerTimeoutMs).then((response) => response.destroy())
      return true
    } catch (error) {
      if (!(error instanceof P2psyncError)) throw error
      if (error.code === 'no-node') return false
      // Somebody took the connection and dropped it: a server that closes.
      if (['ECONNRESET', 'EPIPE'].includes(systemCode(error.cause))) return true
      throw error
    }
  }

  /** Each event from now on; ends when the node stops or `signal` is aborted. */
  async *events(signal?: AbortSignal): AsyncGenerator<NodeEvent> {
    const response = await this.#send('GET', '/v1/events', undefined, answerTimeoutMs)
    checkVersion(response)
    const end = (): void => void response.destroy()
    signal?.addEventListener('abort', end, { once: true })
    if (signal?.aborted === true) end()
    try {
      for await (const line of linesOf(response)) yield JSON.parse(line) as NodeEvent
    } finally {
      signal?.removeEventListener('abort', end)
      response.destroy()
    }
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#send(method, path, body, method === 'GET' ? answerTimeoutMs : changeTimeoutMs)
    checkVersion(response)
    return readAnswer(response)
  }

  async #send(method: string, path: string, body: unknown, timeoutMs: number): Promise<IncomingMessage> {
    this.#socketPath ??= await controlSocketPath(this.#home)
    const answer = Promise.withResolvers<IncomingMessage>()
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers: Record<string, string> = { [apiHeader]: apiVersion }
    if (text !== undefined) headers['content-type'] = 'application/json'
    const options = { socketPath: this.#socketPath, path, method, headers, agent: false as const, timeout: timeoutMs }
    const request = httpRequest(options, (response) => {
      response.setTimeout(0)
      answer.resolve(response)
    })
    request.once('timeout', () => request.destroy(new Error('it does not answer')))
    request.once('error', (error) => answer.reject(connectProblem(error, this.#home)))
    request.end(text)
    return answer.promise
  }
}

const answerTimeoutMs = 30_000
// Adding a folder waits for the node's first look at it, stopping for the last batch.
const changeTimeoutMs = 120_000
const stopTimeoutMs = 60_000

function pathQuery(path: string): string {
  return new URLSearchParams({ path }).toString()
}

async function readAnswer(response: IncomingMessage): Promise<unknown> {
  let text = ''
  try {
    response.setEncoding('utf8')
    for await (const chunk of response as AsyncIterable<string>) text += chunk
  } catch (error) {
    throw new P2psyncError('node-failed', 'the node ended before it had answered', { cause: error })
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (response.statusCode !== 200 || value === null) throw errorFromBody(value)
  return value
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let rest = ''
  response.setEncoding('utf8')
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
    }
  } catch {
    // Cut off: the node has stopped, or the caller has.
  }
}

function checkVersion(response: IncomingMessage): void {
  if (response.headers[apiHeader] === apiVersion) return
  response.destroy()
  const theirs = response.headers[versionHeader]
  const known = typeof theirs === 'string' && /^[\w.+-]{1,40}$/.test(theirs) ? theirs : 'of an unknown version'
  throw new P2psyncError('node-failed', `the running node is p2psync ${known}, this command is ${version}`, {
    hint: 'Stop the node with p2psync stop and start it again with this version.',
  })
}

function connectProblem(error: unknown, home: string): P2psyncError {
  const code = systemCode(error)
  if (code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTDIR') {
    return new P2psyncError('no-node', `no p2psync node is running (state directory ${home})`, {
      hint: 'Start one with p2psync start <folder>; with --home if its state is elsewhere.',
      cause: error,
    })
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new P2psyncError('node-failed', `the node of ${home} belongs to another user`, {
      hint: 'Run this command as the user who started the node.',
      cause: error,
    })
  }
  return new P2psyncError('node-failed', `the running node cannot be reached: ${errorText(error)}`, {
    hint: 'If it hangs, end its process; the next start recovers what was under way.',
    cause: error,
  })
}
