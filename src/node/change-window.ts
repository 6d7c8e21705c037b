import type { BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'

/** A path that loses what it held, or a folder with all that was in it. */
export interface Loss {
  readonly path: RelativePath
  /** How many files and links it is; 0 for an empty folder. */
  readonly files: number
  /** What a single file held: it is no loss if another path has gained it. '' for what is not compared. */
  readonly content: BlockHash | ''
}

/** What belongs together may come in many frames and looks: within so long it is one batch. */
const windowMs = 10 * 60_000
/** More contents than these are not known to have moved. */
const gainsMax = 50_000

/**
 * How many files a folder has lost lately, removed or rewritten: each path counts once, and what was lost at one path
 * and gained at another one has moved and does not count. Every call costs O(1), amortised.
 */
export class ChangeWindow {
  readonly #clock: Pick<Clock, 'monotonic'>
  /** In the order of time, as `gains`. */
  readonly #losses = new Map<RelativePath, Loss & { readonly atMs: number }>()
  readonly #gains = new Map<RelativePath, { readonly content: BlockHash; readonly atMs: number }>()
  readonly #lost = new Map<BlockHash, number>()
  readonly #gained = new Map<BlockHash, number>()
  #files = 0
  #moved = 0

  constructor(clock: Pick<Clock, 'monotonic'>) {
    this.#clock = clock
  }

  /** Gives back what is kept of older changes; all that is asked here does so as well. */
  forgetOld(): void {
    this.#expire()
  }

  get files(): number {
    this.#expire()
    return this.#files - this.#moved
  }

  get isEmpty(): boolean {
    this.#expire()
    return this.#losses.size === 0
  }

  lose(loss: Loss): void {
    this.#dropLoss(loss.path)
    // What came here and goes again has not moved here.
    this.#dropGain(loss.path)
    this.#losses.set(loss.path, { ...loss, atMs: this.#clock.monotonic() })
    this.#files += loss.files
    if (loss.content !== '') this.#count(this.#lost, loss.content, 1)
  }

  gain(path: RelativePath, content: BlockHash): void {
    this.#dropGain(path)
    this.#gains.set(path, { content, atMs: this.#clock.monotonic() })
    this.#count(this.#gained, content, 1)
    const [oldest] = this.#gains.keys()
    if (this.#gains.size > gainsMax && oldest !== undefined) this.#dropGain(oldest)
  }

  clear(): void {
    for (const path of this.#losses.keys()) this.#dropLoss(path)
  }

  #expire(): void {
    const endMs = this.#clock.monotonic() - windowMs
    for (const [path, { atMs }] of this.#losses) {
      if (atMs > endMs) break
      this.#dropLoss(path)
    }
    for (const [path, { atMs }] of this.#gains) {
      if (atMs > endMs) break
      this.#dropGain(path)
    }
  }

  #dropLoss(path: RelativePath): void {
    const loss = this.#losses.get(path)
    if (loss === undefined) return
    this.#losses.delete(path)
    this.#files -= loss.files
    if (loss.content !== '') this.#count(this.#lost, loss.content, -1)
  }

  #dropGain(path: RelativePath): void {
    const gain = this.#gains.get(path)
    if (gain === undefined) return
    this.#gains.delete(path)
    this.#count(this.#gained, gain.content, -1)
  }

  #count(counts: Map<BlockHash, number>, content: BlockHash, change: 1 | -1): void {
    this.#moved -= this.#movedOf(content)
    const count = (counts.get(content) ?? 0) + change
    if (count === 0) counts.delete(content)
    else counts.set(content, count)
    this.#moved += this.#movedOf(content)
  }

  #movedOf(content: BlockHash): number {
    return Math.min(this.#lost.get(content) ?? 0, this.#gained.get(content) ?? 0)
  }
}
