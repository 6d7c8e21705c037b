import type { BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import type { RelativePath } from '../model/relative-path.ts'
import { ownsBuffer } from '../model/reused-buffer.ts'
import type * as tasks from '../ports/file-tasks.ts'
import type { PackedBytes, PackOrder } from '../ports/packing.ts'
import { LookedBatch, type ListingLook } from '../watcher/look-at-listing.ts'
import type { FileWorkerPool } from './file-worker-pool.ts'
import { ownBytes, transferList } from './own-bytes.ts'
import { packHashRequests, unpackHashResults } from './packed-hash.ts'
import type { CallOptions } from './worker-link.ts'
import type { CallArguments, CallName, CallResult, Session } from './worker-messages.ts'

/**
 * The tasks of one folder, done by the threads of a pool. Calls reject with what the disk threw, code and all, with
 * `disk-failed` when the thread died or after `close`, and are done side by side: nothing orders two of them but waiting.
 */
export class WorkerFileTasks implements tasks.FileTasks {
  readonly #pool: FileWorkerPool
  readonly #session: Session
  #isClosed = false

  /** `root` is absolute; the pool is started and stays its owner's. */
  constructor({ pool, root }: { pool: FileWorkerPool; root: string }) {
    this.#pool = pool
    this.#session = pool.newSession(root)
  }

  scan(start: RelativePath | ''): AsyncIterable<tasks.ScanBatch> {
    this.#requireOpen()
    return this.#scan(start)
  }

  lstat(paths: readonly RelativePath[]): Promise<readonly tasks.LstatResult[]> {
    return this.#call('lstat', [paths])
  }

  async hash(files: readonly tasks.HashRequest[], telling?: tasks.HashTelling): Promise<readonly tasks.HashResult[]> {
    const packed = packHashRequests(files)
    const told = telling === undefined ? null : { sizeBytesMin: telling.sizeBytesMin, partBytes: telling.partBytes }
    const results = await this.#call('hash', [packed, told], {
      transfer: [packed.states.buffer],
      onBlocks: telling?.onBlocks,
    })
    return unpackHashResults(files, results)
  }

  readBlocks(requests: readonly tasks.BlockRead[], into?: Uint8Array, pack?: PackOrder): Promise<tasks.BlockReads> {
    if (into === undefined || !ownsBuffer(into)) return this.#call('readBlocks', [requests, undefined, pack])
    return this.#call('readBlocks', [requests, into, pack], { transfer: transferList([into]) })
  }

  findBlocks(
    file: RelativePath,
    sizeBytes: number,
    hashes: readonly BlockHash[],
  ): Promise<readonly tasks.FoundBlock[]> {
    return this.#call('findBlocks', [file, sizeBytes, hashes])
  }

  stageBlocks(
    blocks: readonly tasks.StagedBlock[],
    bytes: Uint8Array,
    packed: PackedBytes | null = null,
  ): Promise<tasks.StagedBlocks> {
    const owned = ownBytes(bytes)
    return this.#call('stageBlocks', [blocks, owned, packed], { transfer: transferList([owned]) })
  }

  stageLocal(blocks: readonly tasks.LocalBlock[]): Promise<readonly boolean[]> {
    return this.#call('stageLocal', [blocks])
  }

  checkStaged(staged: string, list: Uint8Array, draft?: tasks.StagedDraft): Promise<Uint8Array> {
    return this.#call('checkStaged', [staged, list, draft])
  }

  stageCopy(source: RelativePath, staged: string, list: Uint8Array): Promise<Uint8Array | null> {
    return this.#call('stageCopy', [source, staged, list])
  }

  listStaged(): Promise<readonly tasks.StagedEntry[]> {
    return this.#call('listStaged', [])
  }

  discardStaged(staged: readonly string[]): Promise<void> {
    return this.#call('discardStaged', [staged])
  }

  syncNames(paths: readonly RelativePath[]): Promise<boolean> {
    return this.#call('syncNames', [paths])
  }

  finishStaged(files: readonly tasks.StagedFile[]): Promise<readonly tasks.StepFailure[]> {
    return this.#call('finishStaged', [files])
  }

  apply(
    steps: readonly tasks.ApplyStep[],
    options: { readonly history: string },
  ): Promise<readonly tasks.StepResult[]> {
    return this.#call('apply', [steps, options])
  }

  trimHistory(keep: string): Promise<void> {
    return this.#call('trimHistory', [keep])
  }

  prepareRoot(fresh: FolderMarker | null): Promise<void> {
    return this.#call('prepareRoot', [fresh])
  }

  readMarker(): Promise<FolderMarker | null> {
    return this.#call('readMarker', [])
  }

  freeBytes(): Promise<number> {
    return this.#call('freeBytes', [])
  }

  /** Ends this folder's jobs at the end of their slice; resolves when none runs any more. The pool goes on. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const links = this.#pool.links.filter((link) => link.isRunning)
    await Promise.allSettled(links.map((link) => link.call(this.#session, 'close', [])))
  }

  /** One thread lists, both look, a few listings ahead; what they find is given out in order. */
  async *#scan(start: RelativePath | ''): AsyncGenerator<tasks.ScanBatch, void> {
    const looks: Promise<ListingLook>[] = []
    for await (const listing of this.#pool.linkFor('scan').list(this.#session, start)) {
      const look = this.#call('look', [listing])
      // Whoever takes it, later, learns of its failure.
      look.catch(() => undefined)
      looks.push(look)
      if (looks.length > looksAhead) yield new LookedBatch(await looks.shift()!)
    }
    for (const look of looks) yield new LookedBatch(await look)
  }

  async #call<Name extends CallName>(
    name: Name,
    args: CallArguments<Name>,
    options: CallOptions = {},
  ): Promise<CallResult<Name>> {
    this.#requireOpen()
    return this.#pool.linkFor(name).call(this.#session, name, args, options)
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new P2psyncError('disk-failed', `the file tasks of ${this.#session.root} are closed`)
  }
}

// So that each thread has one in hand and one in line.
const looksAhead = 4
