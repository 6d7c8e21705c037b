/** Contents that users wrote, and which of them somebody who had seen them replaced or removed. */
export class Ledger {
  readonly #written = new Set<string>()
  readonly #alive = new Set<string>()
  readonly #repeated = new Set<string>()

  wrote(what: string): void {
    this.#written.add(plain(what))
    this.#alive.add(plain(what))
  }

  /** Written too, and whoever writes it anew does not say so: it may go without a word. */
  mayBeThere(what: string): void {
    this.#written.add(plain(what))
    this.#repeated.add(plain(what))
  }

  saw(what: string | undefined): void {
    if (what !== undefined) this.#alive.delete(plain(what))
  }

  /** Those that should be somewhere and are not. */
  lost(there: ReadonlySet<string>): string[] {
    return [...this.#alive].filter((what) => !there.has(what))
  }

  isWritten(what: string): boolean {
    return this.#written.has(plain(what))
  }

  /** Users have put it at one place, once: there is a second one only if p2psync made it. */
  isWrittenOnce(what: string): boolean {
    return this.isWritten(what) && !this.#repeated.has(plain(what))
  }
}

/** What a path holds, without its executable bit. */
export function plain(what: string): string {
  return what.replace(/ executable$/, '')
}
