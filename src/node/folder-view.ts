import type { FolderState, FolderStatus, LastChange, PathProblem, PeerFolderStatus } from './node-api.ts'
import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import { isLive } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import { isConflictCopyName } from '../vector-clock/conflict-name.ts'
import type { HeldChanges } from '../model/guard-limits.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { ConnectedPeer, FolderPeers } from './folder-peers.ts'
import type { FolderProblems } from './folder-problems.ts'
import { heldReason } from './guard-incoming.ts'
import type { Need } from './need.ts'
import type { Needs } from './needs.ts'
import { RateMeter } from './rate-meter.ts'

export type FolderTrouble = { readonly kind: 'missing' } | { readonly kind: 'disk'; readonly code: string }

const problemsShownMax = 100

/** What a person is told of a folder. "In sync" is said only when it is so on disk, here and on every connected device. */
export class FolderView {
  readonly received: RateMeter
  /** Why watching does not work; '' when it does. */
  watchProblem = ''
  /** What is damaged on this disk. */
  damaged: () => readonly PathProblem[] = () => []
  readonly #deps: FolderViewDeps
  readonly #conflicts = new Set<RelativePath>()
  /** While copies are being counted: those that went meanwhile. */
  #goneCopies: Set<RelativePath> | null = null
  #lastChange: LastChange | null = null

  constructor(deps: FolderViewDeps) {
    this.#deps = deps
    this.received = new RateMeter(deps.clock)
  }

  /** Counts the copies that were here at the start. */
  async countConflicts(): Promise<void> {
    const gone = new Set<RelativePath>()
    this.#goneCopies = gone
    for await (const page of this.#deps.index.rowHeads()) {
      if (this.#deps.signal.aborted) return
      for (const row of page) {
        if (row.live && isConflictCopyName(row.path) && !gone.has(row.path)) this.#conflicts.add(row.path)
      }
    }
    this.#goneCopies = null
    this.#deps.onChange()
  }

  onCommit(changes: readonly RowChange[]): void {
    for (const { record } of changes) {
      if (!isConflictCopyName(record.path)) continue
      if (isLive(record)) {
        this.#conflicts.add(record.path)
        this.#goneCopies?.delete(record.path)
      } else {
        this.#conflicts.delete(record.path)
        this.#goneCopies?.add(record.path)
      }
    }
    const last = changes.at(-1)?.record
    if (last === undefined) return
    const created = last.basis === '' ? 'created' : 'changed'
    const what = isLive(last) ? created : 'deleted'
    this.#lastChange = { path: last.path, what, device: last.writerName, at: this.#deps.clock.now() }
  }

  /** Everything but where the folder is and how it is called. */
  status(): Omit<FolderStatus, 'path' | 'id' | 'notice' | 'order'> {
    const { index, needs, peers, problems } = this.#deps
    const { files, folders, links, bytes } = index.summary
    const state = this.#state()
    const { perSecond: rate, isSteady } = this.received
    const needed = { files: needs.files, bytes: needs.bytes }
    const failing = this.#failing()
    return {
      state,
      ...this.#explanation(),
      files,
      folders,
      links,
      bytes,
      needed,
      percent: this.#percent(state),
      ratePerSecond: rate,
      secondsLeft: needed.bytes > 0 && isSteady && rate > 0 ? Math.ceil(needed.bytes / rate) : null,
      conflicts: this.#conflicts.size,
      problems: this.#problems(failing).slice(0, problemsShownMax),
      problemCount: problems.count + this.damaged().length + failing.length + (this.watchProblem === '' ? 0 : 1),
      lastChange: this.#lastChange,
      peersConnected: peers.sessions.length,
      held: this.#deps.guard.held,
      guard: this.#deps.guard.limits,
    }
  }

  /** How this folder stands with one connected device. */
  withPeer(peer: ConnectedPeer): Omit<PeerFolderStatus, 'path'> {
    const { needs, isBusy } = this.#deps
    const theirs = peer.session?.peerState ?? null
    const inSync = peer.session?.isInSync === true && theirs?.busy === false && !isBusy()
    const neededByThem = theirs === null ? null : { files: theirs.neededFiles, bytes: theirs.neededBytes }
    return { inSync, neededByThem, neededByUs: { files: needs.files, bytes: needs.bytes } }
  }

  #state(): FolderState {
    const { peers, needs, isScanning, isBusy, trouble } = this.#deps
    if (trouble()?.kind === 'missing') return 'stopped'
    if (trouble() !== null && needs.size > 0) return 'stopped'
    if (isScanning()) return 'scanning'
    const { sessions } = peers
    if (isBusy() || needs.size > needs.held) return 'syncing'
    if (this.#deps.guard.held.length > 0) return 'held'
    if (sessions.length === 0) return 'waiting'
    // A device that still scans may be about to tell more.
    const settled = sessions.every((session) => session.isInSync && session.peerState?.busy === false)
    return settled ? 'in-sync' : 'syncing'
  }

  #explanation(): { reason: string; hint: string } {
    const trouble = this.#deps.trouble()
    if (trouble === null) return heldExplanation(this.#deps.guard.held)
    if (trouble.kind === 'missing') {
      return {
        reason: 'the folder is not there: .p2psync/folder.json is missing or is of another folder',
        hint: 'If it lies on a disk that is not mounted, mount it. If this is the right folder all the same, stop the node and start it with --relink. Nothing is deleted elsewhere.',
      }
    }
    if (!fullDisk.test(trouble.code)) {
      return { reason: `the disk fails (${trouble.code})`, hint: 'It is tried again every few seconds.' }
    }
    return {
      reason: 'the disk is full',
      hint: 'Free some space: syncing goes on by itself. Old versions in .p2psync/history may be removed, if you can do without them.',
    }
  }

  #percent(state: FolderState): number {
    const { index, needs, peers } = this.#deps
    if (state === 'in-sync') return 100
    const { bytes, entries } = index.summary
    const doneBytes = bytes + needs.stagedBytes
    let allBytes = doneBytes + needs.bytes
    let allEntries = entries
    for (const session of peers.sessions) {
      allBytes = Math.max(allBytes, session.peerState?.bytes ?? 0)
      allEntries = Math.max(allEntries, session.peerState?.entries ?? 0)
    }
    if (needs.size === 0 && allBytes === bytes && allEntries === entries) return 100
    const done = doneBytes + entries * entryCostBytes
    return Math.min(99, Math.floor((100 * done) / Math.max(allBytes + allEntries * entryCostBytes, 1)))
  }

  #problems(failing: readonly Need[]): { path: string; reason: string }[] {
    const list = [...this.damaged(), ...this.#deps.problems.list()]
    if (this.watchProblem !== '') list.unshift({ path: '.', reason: this.watchProblem })
    for (const { record, reason } of failing) {
      if (list.length >= problemsShownMax) break
      list.push({ path: record.path, reason })
    }
    return list
  }

  /** What could not be had, for a reason of its own. */
  #failing(): readonly Need[] {
    const { needs } = this.#deps
    if (needs.held === 0) return []
    return Array.from(needs.all()).filter(({ reason }) => reason !== '' && reason !== heldReason)
  }
}

/** As the system says it, and as LevelDB does. */
const fullDisk = /^ENOSPC$|^EDQUOT$|No space left on device|Disk quota exceeded/

function heldExplanation(held: readonly HeldChanges[]): { reason: string; hint: string } {
  if (held.length === 0) return { reason: '', hint: '' }
  const isRestoring = held.some(({ restoring }) => restoring)
  return {
    reason: 'so many files were removed or rewritten that it waits for you to decide',
    hint: isRestoring
      ? 'The files are fetched again from other devices. To let them go all the same: p2psync guard approve <folder>'
      : 'To let it happen: p2psync guard approve <folder>. To get the files back: p2psync guard reject <folder>',
  }
}

/** An entry takes about as long as so many bytes more of a large file. */
const entryCostBytes = 16 * 1024

export interface FolderViewDeps {
  readonly index: FolderIndex
  readonly clock: Clock
  readonly signal: AbortSignal
  readonly problems: FolderProblems
  readonly needs: Needs
  readonly peers: FolderPeers
  readonly guard: FolderGuard
  readonly onChange: () => void
  readonly isScanning: () => boolean
  readonly isBusy: () => boolean
  readonly trouble: () => FolderTrouble | null
}
