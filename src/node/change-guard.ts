import type { GuardLimits, HeldChanges } from '../model/guard-limits.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { parentPath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import { ChangeWindow, type Loss } from './change-window.ts'
import { isAtOrBelow } from './recognise-moves.ts'

/** Fewer files than this never wait for a person. */
const guardFloor = 20

/**
 * Holds the removals and rewrites of one direction once too many of them have come together, until a person decides.
 *
 * What has gone before that has gone: a batch is held as a whole where it is seen as a whole, by one look at the disk or
 * as one thing a peer tells, and else from the file on that is too many. While it holds, each removal and rewrite waits,
 * whatever its batch; what is new goes on. Holding is remembered over restarts, which paths it is about is found again.
 */
export class ChangeGuard {
  readonly #deps: ChangeGuardDeps
  readonly #window: ChangeWindow
  #held: HeldChanges | null
  #paths = new Map<RelativePath, number>()
  /** Of a look at everything that is under way, what it has found. */
  #found: Map<RelativePath, number> | null = null
  /** What that look could not see: what waits there may still be as it was. */
  #missed = new Set<RelativePath | ''>()
  /** What a person has approved, and what is at or below it. */
  #passing = new Set<RelativePath>()
  /** The set that stands for every path. */
  #passingAll: ReadonlySet<RelativePath> | null = null
  /** The most files that the folder had since the window was empty. */
  #filesBefore = 0

  constructor(deps: ChangeGuardDeps) {
    this.#deps = deps
    this.#window = new ChangeWindow(deps.clock)
    this.#held = deps.limits === null ? null : deps.held
  }

  /** What waits, or null. */
  get held(): HeldChanges | null {
    if (this.#held === null || this.#paths.size === 0) return this.#held
    let files = 0
    for (const count of this.#paths.values()) files += count
    return { ...this.#held, files }
  }

  get isRestoring(): boolean {
    return this.#held?.restoring === true
  }

  /** The paths that wait; a folder stands for all that was in it. */
  get paths(): ReadonlySet<RelativePath> {
    return new Set(this.#paths.keys())
  }

  /** True when this path waits, or a folder above it. */
  waits(path: RelativePath): boolean {
    return this.#paths.size > 0 && isAtOrBelow(path, this.#paths)
  }

  /** How many files more may be lost before it is too many. */
  get room(): number {
    const { limits, filesNow } = this.#deps
    if (limits === null) return Number.POSITIVE_INFINITY
    if (this.#held !== null) return 0
    this.#filesBefore = this.#window.isEmpty ? filesNow() : Math.max(this.#filesBefore, filesNow())
    const share = Math.floor((this.#filesBefore * limits.sharePercent) / 100)
    return Math.max(Math.min(share, limits.files), guardFloor - 1) - this.#window.files
  }

  /** Counts what is to be lost and may still turn out to have moved. */
  note(losses: readonly Loss[]): void {
    if (this.#deps.limits === null) return
    // Before the first: how many there were.
    void this.room
    for (const loss of losses) if (!this.#isPassing(loss)) this.#window.lose(loss)
  }

  /** A path has got a content that it did not have. */
  gained(path: RelativePath, content: BlockHash | ''): void {
    if (this.#deps.limits !== null && content !== '') this.#window.gain(path, content)
  }

  /** The paths of `losses` that have to wait; from now on all that come, where these are too many. */
  async refuse(losses: readonly Loss[], device: string): Promise<ReadonlySet<RelativePath>> {
    const counted = losses.filter((loss) => !this.#isPassing(loss))
    if (this.#deps.limits === null || counted.length === 0) return nothing
    this.note(counted)
    if (this.room >= 0 && this.#held === null) return nothing
    addTopmost(this.#paths, counted)
    if (this.#found !== null) addTopmost(this.#found, counted)
    if (this.#held === null) {
      const { clock, direction } = this.#deps
      await this.#set({ direction, files: 0, device, since: Math.round(clock.now()), restoring: false })
    }
    return new Set(counted.map(({ path }) => path))
  }

  /** Lets through exactly what waits; what comes on top counts anew. */
  async approve(): Promise<void> {
    if (this.#held === null) return
    // A new one: a look that is under way ends without it.
    this.#passing = new Set([...this.#passing, ...this.#paths.keys()])
    await this.lift()
  }

  /** What waits at this path goes through, though it was not approved: nothing else can become of it. */
  pass(path: RelativePath): void {
    this.#passing = new Set([...this.#passing, path])
    this.#paths.delete(path)
  }

  /** What waits is to be brought back; until that is done it goes on waiting. */
  async restore(): Promise<void> {
    if (this.#held !== null) await this.#set({ ...this.#held, restoring: true })
  }

  /** Gives back the memory of what came and went long ago. */
  forgetOld(): void {
    this.#window.forgetOld()
  }

  /** Nothing waits any longer, and the count begins anew. */
  async lift(): Promise<void> {
    this.#window.clear()
    this.#paths.clear()
    if (this.#held !== null) await this.#set(null)
  }

  /** The database is an old one: what the next look at everything finds has been told before. */
  async letLookPass(): Promise<void> {
    this.#passing = new Set(this.#passing)
    this.#passingAll = this.#passing
    await this.lift()
  }

  /** What was approved has gone through, or what waited is no loss any more; for what no look finds again. */
  passed(path: RelativePath): void {
    this.#passing.delete(path)
    this.#paths.delete(path)
  }

  /** What waited when the folder was closed, where that is not found again by a look. */
  remember(losses: Iterable<readonly [RelativePath, Pick<Loss, 'files'>]>): void {
    if (this.#held !== null) for (const [path, { files }] of losses) this.#paths.set(path, files)
  }

  /** A look at everything that is under way could not see what is at or below `path`. */
  missed(path: RelativePath | ''): void {
    if (this.#found !== null) this.#missed.add(path)
  }

  /**
   * A look at everything: what it does not find, and could see, waits no longer. It resolves to false when it did not come
   * to its end.
   */
  async during(look: () => Promise<boolean>): Promise<boolean> {
    const passing = this.#passing
    this.#found = new Map()
    this.#missed = new Set()
    const isWhole = await look()
    const found = this.#found
    this.#found = null
    if (!isWhole) return false
    if (this.#passing === passing) this.#passing = new Set()
    if (this.#held === null) return true
    const isMissed = (path: RelativePath): boolean => this.#missed.has('') || isAtOrBelow(path, this.#missed)
    for (const [path, files] of this.#paths) if (!found.has(path) && isMissed(path)) found.set(path, files)
    this.#paths = found
    if (found.size === 0) await this.lift()
    else await this.#set(this.held)
    return true
  }

  #isPassing({ path }: Loss): boolean {
    if (this.#passingAll === this.#passing) return true
    return this.#passing.size > 0 && isAtOrBelow(path, this.#passing)
  }

  async #set(held: HeldChanges | null): Promise<void> {
    this.#held = held
    this.#held = this.held
    await this.#deps.onHeld(this.#held)
  }
}

export interface ChangeGuardDeps {
  readonly direction: HeldChanges['direction']
  readonly limits: GuardLimits
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  /** How many files the folder has. */
  readonly filesNow: () => number
  /** What waited when the folder was closed. */
  readonly held: HeldChanges | null
  /** To be remembered. */
  readonly onHeld: (held: HeldChanges | null) => Promise<void>
}

/** Notes how many files wait at each path; what is in a folder that waits as a whole is in its number. */
function addTopmost(waiting: Map<RelativePath, number>, losses: readonly Loss[]): void {
  const isCounted = (path: RelativePath): boolean => {
    for (let at = parentPath(path); at !== null; at = parentPath(at)) if ((waiting.get(at) ?? 0) > 0) return true
    return false
  }
  for (const { path, files } of losses) if (!isCounted(path)) waiting.set(path, files)
  if (losses.every(({ content }) => content !== '')) return
  for (const path of waiting.keys()) if (isCounted(path)) waiting.delete(path)
}

const nothing: ReadonlySet<RelativePath> = new Set()
