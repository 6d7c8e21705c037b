import type { StoreOperation } from '../ports/key-value-store.ts'

/** What {@link RenewedWrites} asks of an abstract-level database. */
export interface RenewableLevel {
  readonly status: string
  open(): Promise<void>
  close(): Promise<void>
  getMany(keys: Uint8Array[]): Promise<(Uint8Array | undefined)[]>
  batch(operations: StoreOperation[], options: { sync: boolean }): Promise<void>
}

/**
 * The batches of one LevelDB, one after the other; after one that failed, the database is opened anew before the next.
 *
 * LevelDB appends behind a record of its log of which a full disk took only a part, reports success, and at its next
 * start reads nothing of what stands behind that (`log_writer.cc` counts on a write that did not happen): 100 durable
 * batches were lost after one ENOSPC.
 */
export class RenewedWrites {
  readonly #level: RenewableLevel
  readonly #mayReopen: () => Promise<void>
  #queue = Promise.resolve()
  #doubt: Doubt | null = null
  #renewing: Promise<void> | null = null
  #renewals = 0

  /** `mayReopen` rejects when the database could not be opened again now: until then it can be read at least. */
  constructor(level: RenewableLevel, mayReopen: () => Promise<void>) {
    this.#level = level
    this.#mayReopen = mayReopen
  }

  /** For a moment, or because it could not be opened again: then each call that needs it tries to. */
  get isClosed(): boolean {
    return this.#renewing !== null || (this.#doubt !== null && this.#level.status !== 'open')
  }

  /** Resolves when the database can be read. @throws what keeps it from being opened. */
  async reopened(): Promise<void> {
    if (this.#renewing !== null) await this.#renewing
    else await this.write([], () => Promise.resolve())
  }

  /** How often it has been closed: no iterator outlives that. */
  get renewals(): number {
    return this.#renewals
  }

  /** `act` writes `operations` as one batch. */
  write(operations: readonly StoreOperation[], act: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(() => this.#write(operations, act))
    this.#queue = done.catch(() => undefined)
    return done
  }

  /** Resolves when all that was asked for by now has come to its end. */
  idle(): Promise<void> {
    return this.#queue
  }

  async #write(operations: readonly StoreOperation[], act: () => Promise<void>): Promise<void> {
    if (this.#doubt !== null) await this.#renew(this.#doubt)
    try {
      await act()
    } catch (error) {
      this.#doubt = { keys: operations.map(({ key }) => key), before: null }
      throw error
    }
  }

  async #renew(doubt: Doubt): Promise<void> {
    if (this.#level.status === 'open' && doubt.before === null) {
      await this.#mayReopen()
      // It says still what was before the batch that failed.
      doubt.before = await this.#level.getMany(doubt.keys)
    }
    this.#renewals++
    this.#renewing = this.#reopen().then(() => this.#takeBack(doubt))
    try {
      await this.#renewing
    } finally {
      this.#renewing = null
    }
    this.#doubt = null
  }

  async #reopen(): Promise<void> {
    if (this.#level.status === 'open') await this.#level.close()
    await this.#level.open()
  }

  /** The batch may have reached the log whole before it failed: its writer was told that it did not. */
  async #takeBack({ keys, before }: Doubt): Promise<void> {
    const after = await this.#level.getMany(keys)
    const undo = keys.flatMap((key, i): StoreOperation[] => {
      const value = before?.[i]
      if (isSame(value, after[i])) return []
      return [value === undefined ? { type: 'del', key } : { type: 'put', key, value }]
    })
    if (undo.length > 0) await this.#level.batch(undo, { sync: true })
  }
}

interface Doubt {
  readonly keys: Uint8Array[]
  before: (Uint8Array | undefined)[] | null
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}
