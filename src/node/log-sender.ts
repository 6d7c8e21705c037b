import type { DeviceId } from '../model/device-id.ts'
import type { RowChange } from '../file-index/folder-index.ts'
import type { MoveNote } from '../file-index/move-notes.ts'
import type { FileRecord } from '../model/file-record.ts'
import { moveKey, type FolderMove } from '../model/folder-move.ts'
import type { DraftMessage } from './draft-message.ts'
import type { DraftTelling } from './draft-telling.ts'
import { HeardRecords } from './heard-records.ts'
import { splitBySize } from './record-size.ts'
import type { SessionHost } from './session-host.ts'
import type { Changes, ReplicaState } from './sync-messages.ts'

/** Records in one frame; a frame may hold fewer when they are long. */
const recordsPerFrame = 200
const heardMovesMax = 1000

/** Sends one peer our sequence log and every change of it and of our state, until its signal is aborted. */
export class LogSender {
  /** The last sequence number of ours that the peer has been sent. */
  sentSeq = 0
  readonly #deps: LogSenderDeps
  readonly #heard = new HeardRecords()
  readonly #heardMoves = new Set<string>()
  readonly #drafts: DraftTelling
  /** The move that is told record by record. */
  #declined = ''
  #answerMove: ((taken: boolean) => void) | null = null
  #wake: (() => void) | null = null
  #isSending = false

  constructor(deps: LogSenderDeps) {
    this.#deps = deps
    this.#drafts = deps.host.drafts.telling()
    deps.signal.addEventListener('abort', () => this.wake(), { once: true })
  }

  /** Our index or our state has changed. */
  wake(): void {
    this.#wake?.()
  }

  /**
   * These changes are the last that were committed. When they come right after what the peer has been sent, and the peer
   * itself told all of them, they are passed over without being read again.
   */
  onCommit(changes: readonly RowChange[]): void {
    const { host } = this.#deps
    const paths = new Set(changes.map(({ record }) => record.path))
    if (this.#isSending || this.sentSeq + paths.size !== host.index.seq) return
    if (host.index.moveAfter(this.sentSeq) !== null) return
    if (!changes.every(({ record }) => this.#heard.isHeard(record))) return
    for (const path of paths) this.#heard.forget(path)
    this.sentSeq = host.index.seq
  }

  /** The peer holds these records: they need not be sent back. */
  heard(records: readonly FileRecord[]): void {
    for (const record of records) this.#heard.remember(record)
  }

  /** The peer holds this move: it need not be sent back. */
  heardMove(move: FolderMove): void {
    this.#heardMoves.add(moveKey(move))
    if (this.#heardMoves.size <= heardMovesMax) return
    for (const oldest of this.#heardMoves) {
      this.#heardMoves.delete(oldest)
      return
    }
  }

  /** The peer has answered a move. */
  onMoved(taken: boolean): void {
    this.#answerMove?.(taken)
  }

  /** True while the peer owes the answer to a move. */
  get isAsking(): boolean {
    return this.#answerMove !== null
  }

  async run(): Promise<void> {
    const { host, peer, send, sendDraft, signal } = this.#deps
    let told: ReplicaState | null = null
    while (!signal.aborted) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      const moved = host.index.moveAfter(this.sentSeq)
      this.#isSending = moved !== null
      const isMoveTold = moved !== null && (await this.#sendMove(moved))
      this.#isSending = false
      if (isMoveTold) {
        this.sentSeq = moved.toSeq
        told = null
        continue
      }
      if (this.sentSeq < host.index.seq) {
        this.#isSending = true
        told = await this.#sendSome()
        this.#isSending = false
        continue
      }
      const draft = this.#drafts.next()
      if (draft !== null) {
        await sendDraft(draft)
        continue
      }
      const state = host.state()
      if (told === null || !sameState(told, state)) {
        told = state
        host.told.onTelling(peer, this.sentSeq)
        await send({ records: [], toSeq: this.sentSeq, more: false, state })
        continue
      }
      await woken
    }
  }

  /** True when the peer has it by now; else it has to be told record by record. */
  async #sendMove({ move, toSeq }: MoveNote): Promise<boolean> {
    const { host, peer, sendMove, signal } = this.#deps
    if (this.#declined === moveKey(move)) return false
    if (this.#heardMoves.has(moveKey(move))) return true
    host.told.onTelling(peer, toSeq)
    const answered = new Promise<boolean>((resolve) => {
      this.#answerMove = resolve
      signal.addEventListener('abort', () => resolve(false), { once: true })
    })
    await sendMove(move, toSeq)
    const taken = await answered
    this.#answerMove = null
    if (!taken) this.#declined = moveKey(move)
    return taken
  }

  async #sendSome(): Promise<ReplicaState | null> {
    const { host, peer, send } = this.#deps
    const { records, toSeq } = await host.index.since(this.sentSeq, recordsPerFrame)
    const news = records.filter((record) => !this.#heard.takeIfHeard(record))
    const more = toSeq < host.index.seq
    const state = more ? null : host.state()
    const parts = splitBySize(news)
    host.told.onTelling(peer, toSeq)
    for (const [i, part] of parts.entries()) {
      const last = i === parts.length - 1
      // Until the last part the peer must not take `toSeq` for received.
      const reached = last ? toSeq : this.sentSeq
      await send({ records: part, toSeq: reached, more: more || !last, state: last ? state : null })
    }
    this.sentSeq = toSeq
    return state
  }
}

export interface LogSenderDeps {
  readonly peer: DeviceId
  readonly host: SessionHost
  readonly signal: AbortSignal
  readonly send: (changes: Changes) => Promise<void>
  readonly sendMove: (move: FolderMove, toSeq: number) => Promise<void>
  readonly sendDraft: (draft: DraftMessage) => Promise<void>
}

function sameState(a: ReplicaState, b: ReplicaState): boolean {
  return (
    Buffer.compare(a.root, b.root) === 0 &&
    a.busy === b.busy &&
    a.neededFiles === b.neededFiles &&
    a.neededBytes === b.neededBytes &&
    a.entries === b.entries
  )
}
