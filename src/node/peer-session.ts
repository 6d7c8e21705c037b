import type { RowChange } from '../file-index/folder-index.ts'
import type { DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import type { FolderMove } from '../model/folder-move.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import type { FrameStream } from '../ports/transport.ts'
import { Answers } from './answer-question.ts'
import { LogSender } from './log-sender.ts'
import { readHello } from './read-hello.ts'
import { RemoteTree } from './remote-tree.ts'
import { RootAgreement, walkPeer } from './root-agreement.ts'
import type { SessionHost } from './session-host.ts'
import { SessionRest } from './session-rest.ts'
import {
  decodeSyncMessage,
  encodeSyncMessage,
  syncProtocolVersion,
  type Changes,
  type Hello,
  type ReplicaState,
  type SyncMessage,
} from './sync-messages.ts'

/** A peer that owes a hello, an answer or the rest of a change, and sends nothing for so long, is given up. */
const silenceMsMax = 2 * 60_000
const silenceCheckMs = 5000

/**
 * One folder with one peer, over one `/p2psync/sync/1.0.0` stream.
 *
 * Each side sends a hello, then its sequence log from where the other left off and every change as it is committed. A
 * side that does not know the other's log walks its Merkle tree instead; it does so again whenever both are at rest and
 * their roots differ.
 */
export class PeerSession {
  readonly peer: DeviceId
  readonly #host: SessionHost
  readonly #stream: FrameStream
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #stopping = new AbortController()
  readonly #remoteTree: RemoteTree
  readonly #sender: LogSender
  readonly #agreement: RootAgreement
  readonly #answers: Answers
  readonly #rest: SessionRest
  #hello: Hello | null = null
  #peerState: ReplicaState | null = null
  /** How far the peer's log has been received, and whether more of it is on its way. */
  #receivedSeq = 0
  #receivingMore = true
  #savedSeq = -1
  /** When the peer last sent something, or we were last busy with what it had sent. */
  #heardAt: number
  #isTaking = false
  #failure: unknown = null

  constructor(deps: { peer: DeviceId; host: SessionHost; stream: FrameStream; clock: Clock; logger: Logger }) {
    this.peer = deps.peer
    this.#host = deps.host
    this.#agreement = new RootAgreement(deps.peer, deps.host.index)
    this.#stream = deps.stream
    this.#answers = new Answers({
      index: deps.host.index,
      send: (id, answer) => this.#send({ type: 'answer', id, answer }),
      onFailed: (error) => this.#onAnswerFailed(error),
    })
    this.#clock = deps.clock
    this.#heardAt = deps.clock.monotonic()
    this.#logger = deps.logger
    this.#sender = new LogSender({
      ...deps,
      signal: this.#stopping.signal,
      send: (changes) => this.#send({ type: 'changes', changes }),
      sendMove: (move, toSeq) => this.#send({ type: 'move', move, toSeq }),
      sendDraft: (draft) => this.#send({ type: 'draft', draft }),
    })
    this.#rest = new SessionRest({
      clock: deps.clock,
      signal: this.#stopping.signal,
      isInSync: () => this.isInSync,
      differsAtRest: () => this.#differsAtRest(),
      walk: () => this.#walk(),
      saveProgress: () => this.saveProgress(),
      acknowledge: () => this.#agreement.acknowledge(this.#peerState!.root, this.#clock.monotonic()),
      onChange: () => deps.host.onChange(),
    })
    this.#remoteTree = new RemoteTree((id, question) => this.#send({ type: 'ask', id, question }))
  }

  get peerName(): string {
    return this.#hello?.deviceName ?? ''
  }

  get peerState(): ReplicaState | null {
    return this.#peerState
  }

  /** True while records of one change of the peer may still be missing. */
  get isReceiving(): boolean {
    return this.#receivingMore || this.#rest.isWalking
  }

  /** Both replicas hold the same, and nothing is on its way. */
  get isInSync(): boolean {
    const theirs = this.#peerState
    return (
      theirs !== null &&
      !this.isReceiving &&
      this.#sender.sentSeq === this.#host.index.seq &&
      this.#host.isSettledWith(this.peer) &&
      this.#agreement.holds(theirs.root)
    )
  }

  /** Runs until the stream ends. @throws {P2psyncError} why it ended, unless {@link stop} did it. */
  async run(): Promise<void> {
    const { index } = this.#host
    await this.#host.told.beforeTelling()
    const known = await index.peerState(this.peer)
    const ours: Hello = {
      version: syncProtocolVersion,
      deviceName: this.#host.deviceName,
      epoch: index.epoch,
      seq: index.seq,
      knownEpoch: known?.epoch ?? '',
      knownSeq: known?.seq ?? 0,
      state: this.#host.state(),
    }
    // Before the hello tells it how far we are.
    const mayKnow = this.#host.told.mayKnow(this.peer)
    this.#host.told.onTelling(this.peer, ours.seq)
    try {
      await Promise.race([this.#talk(ours, mayKnow), this.#silenceLoop()])
    } catch (error) {
      if (!this.#stopping.signal.aborted) throw error
    } finally {
      this.stop()
    }
    if (this.#failure !== null) throw this.#failure as Error
  }

  stop(): void {
    if (this.#stopping.signal.aborted) return
    this.#stopping.abort()
    this.#remoteTree.close()
    this.#stream.abort('the session ended')
    this.#host.drafts.onSessionEnd(this.peer)
    this.#host.onChange()
  }

  /** Our index (`changes` were committed last) or our state has changed: tells the peer. */
  wake(changes: readonly RowChange[] = []): void {
    if (changes.length > 0) this.#sender.onCommit(changes)
    this.#sender.wake()
    this.#rest.wake()
  }

  /** Remembers how far the peer's log is taken over, once nothing of it waits. */
  async saveProgress(): Promise<void> {
    const hello = this.#hello
    if (hello === null || this.isReceiving || this.#savedSeq === this.#receivedSeq) return
    if (!this.#host.isSettledWith(this.peer)) return
    // Of what came last nothing waits, perhaps, because it was given up with the session.
    if (this.#stopping.signal.aborted) return
    this.#savedSeq = this.#receivedSeq
    await this.#host.index.setPeerState(this.peer, { epoch: hello.epoch, seq: this.#receivedSeq })
  }

  async #talk(ours: Hello, mayKnow: number): Promise<void> {
    await this.#send({ type: 'hello', hello: ours })
    const theirs = await readHello(this.#stream)
    await this.#meet(ours, theirs, mayKnow)
    await Promise.race([this.#readLoop(), this.#sender.run(), this.#rest.run()])
  }

  async #silenceLoop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#clock.sleep(silenceCheckMs, this.#stopping.signal)
      const owes = this.#hello === null || this.#receivingMore || this.#remoteTree.isAsking || this.#sender.isAsking
      if (!owes || this.#isTaking) this.#heardAt = this.#clock.monotonic()
      if (this.#clock.monotonic() - this.#heardAt > silenceMsMax) {
        throw new P2psyncError('peer-gone', 'the device is silent in the middle of what it has to say')
      }
    }
  }

  /** Both hellos are here: decides from where each log goes on, and whether our side walks the peer's tree. */
  async #meet(ours: Hello, theirs: Hello, mayKnow: number): Promise<void> {
    this.#hello = theirs
    this.#peerState = theirs.state
    const isAhead = theirs.knownEpoch === this.#host.index.epoch && theirs.knownSeq > mayKnow
    if (isAhead) await this.#host.onRestoredDatabase()
    const theyKnowUs = theirs.knownEpoch === this.#host.index.epoch
    if (theyKnowUs) this.#sender.sentSeq = theirs.knownSeq
    else this.#sender.sentSeq = theirs.state.entries === 0 ? 0 : ours.seq

    const weKnowThem = ours.knownEpoch === theirs.epoch && ours.knownSeq <= theirs.seq
    if (weKnowThem) this.#receivedSeq = ours.knownSeq
    else this.#receivedSeq = ours.state.entries === 0 ? 0 : theirs.seq
    // A log that begins behind its end is sent to its end at once.
    this.#receivingMore = this.#receivedSeq < theirs.seq
    this.#logger.info('session', {
      name: theirs.deviceName,
      from: this.#receivedSeq,
      to: theirs.seq,
      known: weKnowThem,
    })
    this.#host.onChange()
    const bothHold = ours.state.entries > 0 && theirs.state.entries > 0
    this.#rest.isWalking = !weKnowThem && bothHold && !sameRoot(theirs.state.root, ours.state.root)
  }

  async #readLoop(): Promise<void> {
    for (let frame = await this.#stream.read(); frame !== null; frame = await this.#stream.read()) {
      const message = decodeSyncMessage(frame)
      this.#heardAt = this.#clock.monotonic()
      if (message.type === 'changes') await this.#onChanges(message.changes)
      else if (message.type === 'move') await this.#onMove(message.move, message.toSeq)
      else if (message.type === 'moved') this.#sender.onMoved(message.taken)
      else if (message.type === 'answer') this.#remoteTree.onAnswer(message.id, message.answer)
      else if (message.type === 'draft') this.#host.drafts.take(this.peer, message.draft)
      else if (message.type === 'ask') this.#answers.answer(message.id, message.question)
    }
    throw new P2psyncError('peer-gone', 'the device ended the session')
  }

  #reply(message: SyncMessage): void {
    this.#send(message).catch((error: unknown) => this.#onAnswerFailed(error))
  }

  #onAnswerFailed(error: unknown): void {
    this.#logger.warn('answer failed', { error: errorText(error) })
    if (!this.#stopping.signal.aborted) this.#failure = error
    this.stop()
  }

  async #onChanges(changes: Changes): Promise<void> {
    this.#sender.heard(changes.records)
    // Before its first records are taken up: a removal must know that more may come.
    if (changes.more) this.#receivingMore = true
    this.#isTaking = true
    if (changes.records.length > 0) await this.#host.receive(this.peer, changes.records, this.#stopping.signal)
    this.#isTaking = false
    this.#receivedSeq = changes.toSeq
    this.#receivingMore = changes.more
    if (changes.state !== null) this.#peerState = changes.state
    this.#host.onChange()
    if (!changes.more) await this.saveProgress()
  }

  async #onMove(move: FolderMove, toSeq: number): Promise<void> {
    this.#sender.heardMove(move)
    // Its records, or the state behind it, follow.
    this.#receivingMore = true
    this.#isTaking = true
    const taken = await this.#host.takeMove(move)
    this.#isTaking = false
    if (taken) this.#receivedSeq = toSeq
    this.#reply({ type: 'moved', toSeq, taken })
  }

  #differsAtRest(): boolean {
    const theirs = this.#peerState
    if (theirs === null || theirs.busy || this.#host.state().busy || this.isReceiving) return false
    if (this.#sender.sentSeq !== this.#host.index.seq) return false
    // What is held may be so for ever: whatever else differs is not to wait for it.
    if (!this.#host.isSettledWith(this.peer, { orHeld: false })) return false
    return !this.#agreement.holds(theirs.root)
  }

  /** Returns for how many records of the peer there was something to do. */
  async #walk(): Promise<number> {
    const root = this.#peerState?.root
    const { peer } = this
    const walk = await walkPeer({ peer, host: this.#host, tree: this.#remoteTree, signal: this.#stopping.signal })
    if (root !== undefined && root === this.#peerState?.root) this.#agreement.onWalked(root, walk)
    this.#logger.info('tree walked', { found: walk.found })
    return walk.found
  }

  async #send(message: SyncMessage): Promise<void> {
    await this.#stream.send(encodeSyncMessage(message))
  }
}

function sameRoot(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
