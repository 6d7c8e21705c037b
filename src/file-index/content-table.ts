/**
 * Which changes in the log gave a file this content? A hash table of 4-byte words: a million files take 20 MB, and a
 * content that nobody has is known without a look at the disk. It never says no wrongly, and may say yes wrongly: half of
 * the hash is not kept, and changes stay in it after they were overtaken. Who asks looks at the rows.
 */
export class ContentTable {
  #size = 0
  /** For each bucket, the last entry that is in it, counted from 1; 0: none. */
  #heads = new Uint32Array(1024)
  /** For each entry, the one that was in its bucket before it. */
  #next = new Uint32Array(1024)
  #lows = new Uint32Array(1024)
  #highs = new Uint32Array(1024)
  #seqs = new Float64Array(1024)

  /** Entries, those that were dropped among them. */
  get size(): number {
    return this.#size
  }

  /** `high` and `low` are the two halves of the first 8 bytes of the content's hash. */
  add(seq: number, high: number, low: number): void {
    if (this.#size === this.#seqs.length) this.#grow()
    const entry = this.#size++
    this.#seqs[entry] = seq
    this.#highs[entry] = high
    this.#lows[entry] = low
    this.#link(entry)
  }

  /**
   * The seqs of the changes that brought this content, of those that came last first: a million files may be alike, and
   * who asks needs one. Some may be missed when others are added meanwhile.
   */
  *find(high: number, low: number): Generator<number> {
    for (let at = this.#heads[this.#bucket(high)]!; at !== 0; at = this.#next[at - 1]!) {
      if (this.#highs[at - 1] === high && this.#lows[at - 1] === low) yield this.#seqs[at - 1]!
    }
  }

  /** Takes these changes of a content out. */
  drop(high: number, low: number, seqs: ReadonlySet<number>): void {
    const bucket = this.#bucket(high)
    let kept = 0
    let left = seqs.size
    for (let at = this.#heads[bucket]!; at !== 0 && left > 0; at = this.#next[at - 1]!) {
      const goes = this.#highs[at - 1] === high && this.#lows[at - 1] === low && seqs.has(this.#seqs[at - 1]!)
      if (!goes) kept = at
      else if (kept === 0) this.#heads[bucket] = this.#next[at - 1]!
      else this.#next[kept - 1] = this.#next[at - 1]!
      if (goes) left--
    }
  }

  #bucket(high: number): number {
    return high & (this.#heads.length - 1)
  }

  #link(entry: number): void {
    const bucket = this.#bucket(this.#highs[entry]!)
    this.#next[entry] = this.#heads[bucket]!
    this.#heads[bucket] = entry + 1
  }

  #grow(): void {
    const capacity = this.#seqs.length * 2
    this.#next = new Uint32Array(capacity)
    this.#heads = new Uint32Array(capacity)
    this.#lows = resized(this.#lows, new Uint32Array(capacity))
    this.#highs = resized(this.#highs, new Uint32Array(capacity))
    this.#seqs = resized(this.#seqs, new Float64Array(capacity))
    for (let entry = 0; entry < this.#size; entry++) this.#link(entry)
  }
}

function resized<T extends Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
