/** What is not synced, and why, for `status`: bounded, one reason for each path. */
export class FolderProblems {
  readonly #reasons = new Map<string, string>()
  #dropped = 0

  get count(): number {
    return this.#reasons.size + this.#dropped
  }

  add(path: string, reason: string): void {
    if (this.#reasons.has(path) || this.#reasons.size < problemsMax) this.#reasons.set(path, reason)
    else this.#dropped++
  }

  /** True when there was something. */
  clear(path: string): boolean {
    return this.#reasons.delete(path)
  }

  /** What was at `folder` or below it is there no more. */
  clearAtAndBelow(folder: string): void {
    for (const path of this.#reasons.keys()) if (`${path}/`.startsWith(`${folder}/`)) this.#reasons.delete(path)
  }

  clearAll(): void {
    this.#reasons.clear()
    this.#dropped = 0
  }

  list(): readonly { readonly path: string; readonly reason: string }[] {
    return Array.from(this.#reasons, ([path, reason]) => ({ path, reason }))
  }
}

const problemsMax = 1000
