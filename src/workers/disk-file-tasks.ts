import { applySteps } from '../apply/apply-steps.ts'
import { trimHistory } from '../apply/history.ts'
import { prepareRoot, readMarker } from '../apply/root.ts'
import { discardStaged, finishStaged, listStaged } from '../apply/staging.ts'
import { syncNames } from '../apply/sync-names.ts'
import { checkDraft } from '../blocks/check-draft.ts'
import { checkStaged, stageCopy } from '../blocks/check-staged.ts'
import { findBlocks } from '../blocks/find-blocks.ts'
import { hashFiles } from '../blocks/hash-file.ts'
import { unpackBytes } from '../blocks/pack-bytes.ts'
import { readBlocks } from '../blocks/read-blocks.ts'
import { stageBlocks, stageLocal } from '../blocks/stage-blocks.ts'
import { exactNames, ignoresCase } from '../disk/exact-names.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FolderMarker } from '../model/folder-marker.ts'
import { nextTurn } from '../model/next-turn.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type * as tasks from '../ports/file-tasks.ts'
import type { PackedBytes, PackOrder } from '../ports/packing.ts'
import { listTree, type Listing } from '../watcher/list-tree.ts'
import { LookedBatch, lookAtListing, type ListingLook } from '../watcher/look-at-listing.ts'
import { lstatPaths } from '../watcher/lstat-paths.ts'

const threadClock = (): number => performance.now()

/** A job that stops after each bounded slice of work. */
type Job<Result> = Generator<void, Result>

/**
 * The tasks of one folder, done on the thread that calls, in slices: between two slices of a job other jobs and other
 * events have their turn, so that a long job delays a short one by a slice. A job that fits one slice is done at once.
 *
 * What the disk throws rejects the call, as it is; `disk-failed` once it is closed.
 */
export class DiskFileTasks implements tasks.FileTasks {
  readonly #givenDisk: Disk
  /** Null until it is known whether the disk ignores case. */
  #exactDisk: Disk | null = null
  readonly #root: string
  readonly #turn: () => Promise<unknown>
  readonly #now: () => number
  readonly #running = new Set<Promise<unknown>>()
  #isClosed = false

  /** `root` is absolute. `turn` lets others run and resolves when it is ours again, `now` counts milliseconds: for a simulator. */
  constructor(
    { disk, root }: { disk: Disk; root: string },
    { turn = nextTurn, now = threadClock }: { turn?: () => Promise<unknown>; now?: () => number } = {},
  ) {
    this.#givenDisk = disk
    this.#root = root
    this.#turn = turn
    this.#now = now
  }

  async *scan(start: RelativePath | ''): AsyncGenerator<tasks.ScanBatch, void> {
    for await (const listing of this.list(start)) yield new LookedBatch(await this.look(listing))
  }

  /** The first half of a scan: what there is to be looked at. */
  async *list(start: RelativePath | ''): AsyncGenerator<Listing, void> {
    for (const listing of listTree(this.#disk, this.#root, start)) {
      this.#requireOpen()
      yield listing
      await this.#turn()
    }
    this.#requireOpen()
  }

  /** The second half, which another thread can do: a listing is one slice of work. */
  async look(listing: Listing): Promise<ListingLook> {
    this.#requireOpen()
    return lookAtListing(this.#disk, this.#root, listing)
  }

  lstat(paths: readonly RelativePath[]): Promise<readonly tasks.LstatResult[]> {
    return this.#run(lstatPaths(this.#disk, this.#root, paths))
  }

  hash(files: readonly tasks.HashRequest[], telling?: tasks.HashTelling): Promise<readonly tasks.HashResult[]> {
    return this.#run(hashFiles(this.#disk, this.#root, files, telling ?? null))
  }

  readBlocks(requests: readonly tasks.BlockRead[], into?: Uint8Array, pack?: PackOrder): Promise<tasks.BlockReads> {
    const packing = pack === undefined ? null : { order: pack, now: this.#now }
    return this.#run(readBlocks(this.#disk, this.#root, requests, { into, packing }))
  }

  findBlocks(
    file: RelativePath,
    sizeBytes: number,
    hashes: readonly BlockHash[],
  ): Promise<readonly tasks.FoundBlock[]> {
    return this.#run(findBlocks(this.#disk, this.#root, file, sizeBytes, hashes))
  }

  async stageBlocks(
    blocks: readonly tasks.StagedBlock[],
    bytes: Uint8Array,
    packed: PackedBytes | null = null,
  ): Promise<tasks.StagedBlocks> {
    const unpacked = packed === null ? bytes : unpackBytes(bytes.subarray(packed.at), packed.length)
    if (unpacked === null) return { good: blocks.map(() => false), bytes }
    return { good: await this.#run(stageBlocks(this.#disk, this.#root, blocks, unpacked)), bytes }
  }

  stageLocal(blocks: readonly tasks.LocalBlock[]): Promise<readonly boolean[]> {
    return this.#run(stageLocal(this.#disk, this.#root, blocks))
  }

  checkStaged(staged: string, list: Uint8Array, draft?: tasks.StagedDraft): Promise<Uint8Array> {
    if (draft !== undefined) return this.#run(checkDraft(this.#disk, this.#root, { staged, list, draft }))
    return this.#run(checkStaged(this.#disk, this.#root, staged, list))
  }

  stageCopy(source: RelativePath, staged: string, list: Uint8Array): Promise<Uint8Array | null> {
    return this.#run(stageCopy(this.#disk, this.#root, { source, staged, list }))
  }

  listStaged(): Promise<readonly tasks.StagedEntry[]> {
    return this.#run(listStaged(this.#disk, this.#root))
  }

  discardStaged(staged: readonly string[]): Promise<void> {
    return this.#run(discardStaged(this.#disk, this.#root, staged))
  }

  syncNames(paths: readonly RelativePath[]): Promise<boolean> {
    return this.#run(syncNames(this.#disk, this.#root, paths))
  }

  finishStaged(files: readonly tasks.StagedFile[]): Promise<readonly tasks.StepFailure[]> {
    return this.#run(finishStaged(this.#disk, this.#root, files))
  }

  apply(
    steps: readonly tasks.ApplyStep[],
    options: { readonly history: string },
  ): Promise<readonly tasks.StepResult[]> {
    return this.#run(applySteps(this.#disk, this.#root, steps, options))
  }

  trimHistory(keep: string): Promise<void> {
    return this.#run(trimHistory(this.#disk, this.#root, keep))
  }

  prepareRoot(fresh: FolderMarker | null): Promise<void> {
    return this.#run(prepareRoot(this.#disk, this.#root, fresh))
  }

  readMarker(): Promise<FolderMarker | null> {
    return this.#run(readMarker(this.#disk, this.#root))
  }

  async freeBytes(): Promise<number> {
    this.#requireOpen()
    return this.#disk.freeBytes(this.#root)
  }

  /** Ends jobs at the end of their slice; resolves when none runs any more. */
  async close(): Promise<void> {
    this.#isClosed = true
    await Promise.allSettled(this.#running)
  }

  /** On a disk that ignores case, with exact names only: a path means the entry that is listed by it. */
  get #disk(): Disk {
    if (this.#exactDisk !== null) return this.#exactDisk
    const ignores = ignoresCase(this.#givenDisk, this.#root)
    if (ignores === null) return this.#givenDisk
    this.#exactDisk = ignores ? exactNames(this.#givenDisk, this.#root) : this.#givenDisk
    return this.#exactDisk
  }

  #run<Result>(job: Job<Result>): Promise<Result> {
    const running = this.#slices(job)
    this.#running.add(running)
    const forget = () => this.#running.delete(running)
    running.then(forget, forget)
    return running
  }

  async #slices<Result>(job: Job<Result>): Promise<Result> {
    try {
      for (;;) {
        this.#requireOpen()
        const slice = job.next()
        if (slice.done === true) return slice.value
        await this.#turn()
      }
    } finally {
      // Closes what a job holds that did not come to its end.
      job.return(undefined as never)
    }
  }

  #requireOpen(): void {
    if (this.#isClosed) throw new P2psyncError('disk-failed', `the file tasks of ${this.#root} are closed`)
  }
}
