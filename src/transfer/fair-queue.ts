/**
 * Who is next when many ask for bytes: of those that wait, the one that was given the fewest, first among the first keys,
 * then below that one among the second keys, and so on; in order of arrival where all keys are the same.
 *
 * Fair in bytes, not in turns: each branch counts what it was given, and one that comes back from rest starts where the
 * others are now, so that nobody saves up (start-time fair queueing, Goyal, Vin and Cheng 1996). A call costs as much as
 * there are branches, which are few.
 */
export class FairQueue<Item extends { readonly bytes: number }> {
  readonly #items: Item[] = []
  readonly #branches = new Map<string, Branch<Item>>()
  /** What the branch that was served last had been given before. */
  #nowBytes = 0
  #size = 0

  get size(): number {
    return this.#size
  }

  push(keys: readonly string[], item: Item): void {
    this.#size++
    const [key, ...others] = keys
    if (key === undefined) {
      this.#items.push(item)
      return
    }
    const branch = this.#branches.get(key) ?? { queue: new FairQueue<Item>(), givenBytes: this.#nowBytes }
    if (branch.queue.size === 0) branch.givenBytes = Math.max(branch.givenBytes, this.#nowBytes)
    this.#branches.set(key, branch)
    branch.queue.push(others, item)
  }

  /** The next one, or null when nobody waits. */
  peek(): Item | null {
    return this.#items[0] ?? this.#next()?.queue.peek() ?? null
  }

  /** Takes the next one out. */
  shift(): Item | null {
    if (this.#size === 0) return null
    this.#size--
    const branch = this.#items.length > 0 ? null : this.#next()
    if (branch === null) return this.#items.shift()!
    const item = branch.queue.shift()!
    this.#nowBytes = branch.givenBytes
    branch.givenBytes += item.bytes
    this.#forgetRested()
    return item
  }

  /** Takes out one that gave up, as if it had never come. */
  remove(keys: readonly string[], item: Item): void {
    const [key, ...others] = keys
    const sizeBefore = this.#size
    if (key === undefined) {
      const at = this.#items.indexOf(item)
      if (at !== -1) this.#items.splice(at, 1)
      this.#size = this.#items.length
    } else {
      const queue = this.#branches.get(key)?.queue
      if (queue === undefined) return
      const before = queue.size
      queue.remove(others, item)
      this.#size = sizeBefore - (before - queue.size)
    }
  }

  #next(): Branch<Item> | null {
    let next: Branch<Item> | null = null
    for (const branch of this.#branches.values()) {
      if (branch.queue.size > 0 && (next === null || branch.givenBytes < next.givenBytes)) next = branch
    }
    return next
  }

  /** Nobody needs to be remembered who would start where the others are anyway. */
  #forgetRested(): void {
    for (const [key, branch] of this.#branches) {
      if (branch.queue.size === 0 && branch.givenBytes <= this.#nowBytes) this.#branches.delete(key)
    }
  }
}

interface Branch<Item extends { readonly bytes: number }> {
  readonly queue: FairQueue<Item>
  givenBytes: number
}
