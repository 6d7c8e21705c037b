import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { Level } from 'level'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import { eachInTurns } from '../model/next-turn.ts'
import type { KeyValueStore, StoreEntry, StoreOperation, StoreRange } from '../ports/key-value-store.ts'
import { RenewedWrites, type RenewableLevel } from './renewed-writes.ts'

/**
 * Opens the LevelDB in `folderPath`, which it creates where there is none.
 *
 * @throws {P2psyncError} `folder-busy` when another process has it open, `index-damaged` when its files are not what was
 * written, `index-failed` when it cannot be reached.
 */
export async function openLevelStore(folderPath: string): Promise<KeyValueStore> {
  if (await lacksCurrent(folderPath)) throw troubleOf('be opened', new Error('its file CURRENT is missing'), true)
  const level = new Level<Uint8Array, Uint8Array>(folderPath, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    compression: true,
    // Larger ones gain a few per cent in a first scan, and are held for ever.
    cacheSize: 4 * 1024 * 1024,
    writeBufferSize: 4 * 1024 * 1024,
  })
  try {
    await level.open()
  } catch (error) {
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error
    if (systemCode(cause) === 'LEVEL_LOCKED') {
      throw new P2psyncError('folder-busy', `the index in ${folderPath} is in use by another process`, {
        hint: 'Stop the other p2psync that runs with the same home folder, or give this one another with --home.',
        cause: error,
      })
    }
    throw troubleOf('be opened', cause, isDamage(cause))
  }
  return abstractLevelStore(level, () => needSpaceForLog(folderPath))
}

/** A batch that is put together piece by piece. */
export interface ByteChain {
  put(key: Uint8Array, value: Uint8Array): unknown
  del(key: Uint8Array): unknown
  write(options: { sync: boolean }): Promise<void>
  close(): Promise<void>
}

/** What this store asks of an abstract-level database with byte arrays for keys and values. */
export interface ByteLevel extends RenewableLevel {
  get(key: Uint8Array): Promise<Uint8Array | undefined>
  batch(operations: StoreOperation[], options: { sync: boolean }): Promise<void>
  batch(): ByteChain
  iterator(options: { gte: Uint8Array; lt: Uint8Array; reverse: boolean; limit: number; highWaterMarkBytes: number }): {
    nextv(size: number): Promise<[Uint8Array, Uint8Array][]>
    close(): Promise<void>
  }
}

/**
 * A store over an open database, which it closes. Its failures are {@link P2psyncError}s `index-damaged` and
 * `index-failed`. `mayReopen` rejects while the database could not be opened a second time.
 */
export function abstractLevelStore(
  level: ByteLevel,
  mayReopen: () => Promise<void> = () => Promise.resolve(),
): KeyValueStore {
  return new LevelStore(level, mayReopen)
}

const pageEntriesDefault = 1000
/** More are put together in turns. */
const operationsAtOnce = 2000
const pageBytesMax = 1024 * 1024

class LevelStore implements KeyValueStore {
  readonly #level: ByteLevel
  readonly #writes: RenewedWrites

  constructor(level: ByteLevel, mayReopen: () => Promise<void>) {
    this.#level = level
    this.#writes = new RenewedWrites(level, mayReopen)
  }

  async get(key: Uint8Array): Promise<Uint8Array | undefined> {
    if (this.#writes.isClosed) await this.#reopened()
    return guarded('be read', () => this.#level.get(key))
  }

  async getMany(keys: readonly Uint8Array[]): Promise<(Uint8Array | undefined)[]> {
    if (keys.length === 0) return []
    if (this.#writes.isClosed) await this.#reopened()
    return guarded('be read', () => this.#level.getMany(keys as Uint8Array[]))
  }

  batch(operations: readonly StoreOperation[], options: { durable?: boolean } = {}): Promise<void> {
    const sync = options.durable === true
    return guarded('be written', () =>
      this.#writes.write(operations, () =>
        operations.length > operationsAtOnce
          ? this.#batchInTurns(operations, { sync })
          : this.#level.batch(operations as StoreOperation[], { sync }),
      ),
    )
  }

  /** Atomic as any batch: a file of 1 GiB has 14,000 rows, and the event loop is not to wait for all of them. */
  async #batchInTurns(operations: readonly StoreOperation[], options: { sync: boolean }): Promise<void> {
    const chain = this.#level.batch()
    try {
      await eachInTurns(operations, (operation) => {
        if (operation.type === 'put') chain.put(operation.key, operation.value)
        else chain.del(operation.key)
      })
    } catch (error) {
      await chain.close()
      throw error
    }
    await chain.write(options)
  }

  async *pages(range: StoreRange): AsyncGenerator<readonly StoreEntry[]> {
    let left: StoreRange | null = range
    while (left !== null) {
      if (this.#writes.isClosed) await this.#reopened()
      left = yield* this.#pagesUntilRenewed(left)
    }
  }

  /** Returns what was not given out because the database was opened anew meanwhile, or null at the end. */
  async *#pagesUntilRenewed(range: StoreRange): AsyncGenerator<readonly StoreEntry[], StoreRange | null> {
    const { renewals } = this.#writes
    const iterator = this.#level.iterator({
      gte: range.from,
      lt: range.to,
      reverse: range.reverse ?? false,
      limit: range.limit ?? -1,
      highWaterMarkBytes: pageBytesMax,
    })
    let left = range
    try {
      for (;;) {
        const page = await iterator.nextv(range.pageEntries ?? pageEntriesDefault)
        if (page.length === 0) return null
        left = rangeBehind(left, page)
        yield page
      }
    } catch (error) {
      if (this.#writes.renewals !== renewals) return left
      throw troubleOf('be read', error, isDamage(error))
    } finally {
      await iterator.close()
    }
  }

  async close(): Promise<void> {
    await this.#writes.idle()
    await guarded('be closed', () => this.#level.close())
  }

  #reopened(): Promise<void> {
    return guarded('be opened again', () => this.#writes.reopened())
  }
}

/** What is left of a range behind a page of it. */
function rangeBehind(range: StoreRange, page: readonly StoreEntry[]): StoreRange {
  const last = page.at(-1)![0]
  const bounds = range.reverse === true ? { to: last } : { from: Buffer.concat([last, Uint8Array.of(0)]) }
  return { ...range, ...bounds, ...(range.limit === undefined ? {} : { limit: range.limit - page.length }) }
}

async function guarded<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw troubleOf(what, error, isDamage(error))
  }
}

/** To be opened, LevelDB makes a table of what its log holds. @throws as a full disk would. */
async function needSpaceForLog(folderPath: string): Promise<void> {
  const { bavail, bsize } = await statfs(folderPath)
  let logBytes = 0
  for (const name of await readdir(folderPath)) {
    if (name.endsWith('.log')) logBytes += (await stat(join(folderPath, name))).size
  }
  if (bavail * bsize < logBytes + reopenBytes) throw new Error('no space left on the disk')
}

/** For its other files. */
const reopenBytes = 256 * 1024

/** LevelDB would begin anew without a word, and remove the files that are there. */
async function lacksCurrent(folderPath: string): Promise<boolean> {
  const names = await readdir(folderPath).catch((): string[] => [])
  return !names.includes('CURRENT') && names.some((name) => /^\d+\.(?:ldb|log)$/.test(name))
}

/** What LevelDB calls an I/O error is damage when a file of its own is not there or ends too early. */
function isDamage(error: unknown): boolean {
  const code = systemCode(error)
  if (code === 'LEVEL_CORRUPTION') return true
  return code === 'LEVEL_IO_ERROR' && damagedFile.test(errorText(error))
}

/** ENOENT; EINVAL of a read before the beginning of a file that was cut off; EISDIR and ENODEV of a folder in its place. */
const damagedFile = /: (?:No such file or directory|Invalid argument|Is a directory|No such device)$/

function troubleOf(what: string, cause: unknown, isDamaged: boolean): P2psyncError {
  const detail = cause instanceof Error && cause.cause !== undefined ? cause.cause : cause
  const message = `the index could not ${what}: ${errorText(detail)}`
  if (isDamaged) {
    const hint = 'Start the node again: the index is set aside and built anew from the files.'
    return new P2psyncError('index-damaged', message, { hint, cause })
  }
  return new P2psyncError('index-failed', message, {
    hint: 'Check the free space and the health of the disk that holds the state folder.',
    cause,
  })
}
