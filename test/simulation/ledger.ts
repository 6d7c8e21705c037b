/** Contents that users wrote, and which of them somebody who had seen them replaced or removed. */
export class Ledger {
  readonly #written = new Set<string>()
  readonly #alive = new Set<string>()
  readonly #repeated = new Set<string>()
  /** Replaced or removed since all had the same. */
  #replaced = new Set<string>()
  /** May be in the history alone. */
  #kept = new Set<string>()
  readonly #damaged = new Map<string, string>()

  wrote(what: string): void {
    this.#written.add(plain(what))
    this.#alive.add(plain(what))
  }

  /** Written too, and whoever writes it anew does not say so: it may go without a word. */
  mayBeThere(what: string): void {
    this.#written.add(plain(what))
    this.#repeated.add(plain(what))
  }

  /** An earlier content. Whoever had it and has replaced it meanwhile need not have heard of that. */
  wroteAgain(what: string): void {
    const isNews = !this.#replaced.has(plain(what))
    this.mayBeThere(what)
    if (isNews) this.#alive.add(plain(what))
  }

  /** Nobody has it any more, and nobody is to blame. */
  mayBeGone(what: string): void {
    this.#alive.delete(plain(what))
    this.#kept.delete(plain(what))
  }

  /** It lies on a disk where nobody has just put it: if it goes, then to the history at least. */
  isThere(what: string): void {
    if (this.isWritten(what)) this.#kept.add(plain(what))
  }

  saw(what: string | undefined): void {
    if (what === undefined) return
    const seen = this.#damaged.get(plain(what)) ?? plain(what)
    this.#alive.delete(seen)
    this.#kept.delete(seen)
    this.#replaced.add(seen)
  }

  /** Whoever sees `bad` sees `good`. */
  wentBad({ good, bad }: { good: string; bad: string }): void {
    this.#damaged.set(plain(bad), plain(good))
  }

  isDamaged(what: string): boolean {
    return this.#damaged.has(plain(what))
  }

  /** What this damage was before, or null when it is none. */
  wholeOf(bad: string): string | null {
    return this.#damaged.get(plain(bad)) ?? null
  }

  /** Nobody can tell this damage from a new content, which takes the place of the right one. */
  becameAnEdit(bad: string): void {
    this.saw(bad)
    this.mayBeThere(bad)
  }

  /** All devices have the same, and nothing is on its way. */
  allHaveTheSame(): void {
    this.#replaced = new Set()
    this.#kept = new Set()
  }

  /** Those that should be somewhere and are not. */
  lost(there: ReadonlySet<string>): string[] {
    return [...this.#alive].filter((what) => !there.has(what))
  }

  /** Of what may be in the history alone that which is nowhere. */
  notKept(anywhere: ReadonlySet<string>): string[] {
    return [...this.#kept].filter((what) => !anywhere.has(what))
  }

  isWritten(what: string): boolean {
    return this.#written.has(plain(what))
  }

  /** Users have put it at one place, once: there is a second one only if p2psync made it. */
  isWrittenOnce(what: string): boolean {
    return this.isWritten(what) && !this.#repeated.has(plain(what))
  }
}

/** Whether it was written through a mapping: {@link mappedTag}. */
export function isMapped(what: string): boolean {
  return what.startsWith('file mapped ')
}

/** What such a content begins with. */
export function mappedTag(number: number): string {
  return `mapped ${String(number).padStart(3, '0')}`
}

/** What a path holds, without its executable bit. */
export function plain(what: string): string {
  return what.replace(/ executable$/, '')
}
