import { isRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'

/** What has to be looked at: some paths, or everything. */
export type DirtyBatch = { readonly type: 'all' } | { readonly type: 'paths'; readonly paths: readonly RelativePath[] }

/** After the first hint, and after each that follows it, so long is waited for more of the same change. */
const quietMs = 12
/** A burst that does not end is handed out in parts. */
const burstMsMax = 300
const pathsMax = 50_000

/**
 * Collects hints of what may have changed until the engine takes them, for a short while: an editor's save by rename, or
 * both ends of a move, should be looked at together.
 */
export class DirtyPaths {
  readonly #clock: Clock
  readonly #signal: AbortSignal
  #paths = new Set<RelativePath>()
  #all = false
  #lastHintAt = 0
  #wake: (() => void) | null = null

  constructor(deps: { clock: Clock; signal: AbortSignal }) {
    this.#clock = deps.clock
    this.#signal = deps.signal
    deps.signal.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  get isEmpty(): boolean {
    return !this.#all && this.#paths.size === 0
  }

  add(path: RelativePath): void {
    if (this.#paths.size >= pathsMax) this.#all = true
    else this.#paths.add(path)
    this.#hinted()
  }

  addAll(): void {
    this.#all = true
    this.#hinted()
  }

  /** A path as the disk spells it; one that is no relative path stands for the folder that holds it. */
  addSpelled(spelled: string): void {
    let text = spelled
    while (text !== '' && !isRelativePath(text)) text = text.slice(0, Math.max(text.lastIndexOf('/'), 0))
    if (text === '') this.addAll()
    else if (isRelativePath(text)) this.add(text)
  }

  addLater(path: RelativePath, delayMs: number): void {
    this.#clock.sleep(delayMs, this.#signal).then(
      () => this.add(path),
      () => undefined,
    )
  }

  /** The next batch; waits for one. Null once the signal is aborted. */
  async take(): Promise<DirtyBatch | null> {
    while (this.isEmpty && !this.#signal.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    if (this.#signal.aborted) return null
    await this.#settle()
    if (this.#signal.aborted) return null
    const batch: DirtyBatch = this.#all ? { type: 'all' } : { type: 'paths', paths: [...this.#paths] }
    this.#paths = new Set()
    this.#all = false
    return batch
  }

  async #settle(): Promise<void> {
    const began = this.#clock.monotonic()
    while (this.#clock.monotonic() - began < burstMsMax) {
      const hintAt = this.#lastHintAt
      await this.#clock.sleep(quietMs, this.#signal).catch(() => undefined)
      if (this.#lastHintAt === hintAt || this.#signal.aborted) return
    }
  }

  #hinted(): void {
    this.#lastHintAt = this.#clock.monotonic()
    this.#wake?.()
  }
}
