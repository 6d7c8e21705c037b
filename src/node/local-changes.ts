import type { FolderIndex, IndexRow, RowChange } from '../file-index/folder-index.ts'
import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { fingerprint, isLive, noFingerprint, type FileRecord } from '../model/file-record.ts'
import { comparePaths, isBelow, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, HashResult, ScanEntry } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { advanceVersion } from '../vector-clock/compare-versions.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import { describeEntry, groupByBytes, isUnchanged, nothingThere, sameEntry, type EntryDraft } from './entry-draft.ts'
import type { FolderProblems } from './folder-problems.ts'
import { ScanMerge } from './scan-merge.ts'
import type { SerialQueue } from './serial-queue.ts'

/** What this device's user did to the folder becomes records: look, hash what looks changed, commit. */
export class LocalChanges {
  readonly #deps: LocalChangesDeps
  readonly #retries = new Map<RelativePath, number>()
  /** The index's sequence number if nobody but us has committed since the look that is under way began. */
  #expectedSeq = 0

  constructor(deps: LocalChangesDeps) {
    this.#deps = deps
  }

  /**
   * Compares the whole folder with the index. New and changed entries are committed while the walk goes on, what is gone
   * at its end, so that a moved file is known at its new place before it leaves the old one.
   *
   * @returns false when the folder stopped being there: nothing after that point was committed.
   */
  async scanAll(): Promise<boolean> {
    const merge = new ScanMerge(this.#deps.index)
    const gone: RelativePath[] = []
    this.#expectedSeq = this.#deps.index.seq
    for await (const batch of this.#deps.tasks.scan('')) {
      for (const problem of batch.problems) this.#deps.problems.add(problem.path, problem.reason)
      const difference = await merge.next(batch.entries, batch.unknown)
      gone.push(...difference.gone)
      const { changed } = difference
      if (!(await this.#takeIn(changed))) return false
      if (this.#deps.signal.aborted) return false
    }
    gone.push(...(await merge.rest()))
    return this.#takeAway(gone)
  }

  /** Looks at single paths; a folder that is new or gone stands for all below it. @returns as {@link scanAll}. */
  async examine(paths: readonly RelativePath[]): Promise<boolean> {
    const { index, tasks, problems } = this.#deps
    this.#expectedSeq = index.seq
    const sorted = [...new Set(paths)].sort(comparePaths)
    const looks = await tasks.lstat(sorted)
    const rows = await index.getMany(sorted)
    const found: ScanEntry[] = []
    const gone: RelativePath[] = []
    let walked: RelativePath | null = null
    for (const [i, look] of looks.entries()) {
      const row = rows[i] ?? null
      problems.clear(look.path)
      if (walked !== null && isBelow(look.path, walked)) continue
      if (look.outcome === 'unknown' || look.outcome === 'unsynced') problems.add(look.path, look.reason)
      else if (look.outcome === 'absent' || look.disk === null)
        gone.push(...(await this.#liveAtAndBelow(row, look.path)))
      else {
        found.push({ path: look.path, disk: look.disk, linkTarget: look.linkTarget })
        const wasFolder = row?.record.kind === 'folder'
        if (look.disk.kind === 'folder') {
          walked = look.path
          gone.push(...(await this.#compareBelow(look.path, found)))
        } else if (wasFolder) gone.push(...(await this.#liveBelow(look.path)))
      }
    }
    const changed = await this.#changedOf(found)
    if (!(await this.#takeIn(changed))) return false
    return this.#takeAway(gone)
  }

  async #compareBelow(folder: RelativePath, found: ScanEntry[]): Promise<RelativePath[]> {
    const seen = new Set<RelativePath>()
    const unknown: (RelativePath | '')[] = []
    for await (const batch of this.#deps.tasks.scan(folder)) {
      for (const problem of batch.problems) this.#deps.problems.add(problem.path, problem.reason)
      unknown.push(...batch.unknown)
      for (const entry of batch.entries) {
        if (entry.path === folder) continue
        seen.add(entry.path)
        found.push(entry)
      }
    }
    const below = await this.#liveBelow(folder)
    return below.filter(
      (path) => !seen.has(path) && !unknown.some((top) => top === '' || top === path || isBelow(path, top)),
    )
  }

  async #liveAtAndBelow(row: IndexRow | null, path: RelativePath): Promise<RelativePath[]> {
    if (row === null || !isLive(row.record)) return []
    return row.record.kind === 'folder' ? [path, ...(await this.#liveBelow(path))] : [path]
  }

  async #liveBelow(folder: RelativePath): Promise<RelativePath[]> {
    const paths: RelativePath[] = []
    for await (const page of this.#deps.index.rows({ below: folder })) {
      for (const row of page) if (isLive(row.record)) paths.push(row.record.path)
    }
    return paths
  }

  async #changedOf(entries: readonly ScanEntry[]): Promise<ScanEntry[]> {
    const rows = await this.#deps.index.getMany(entries.map((entry) => entry.path))
    return entries.filter((entry, i) => !isUnchanged(rows[i] ?? null, entry))
  }

  /** Hashes and commits entries that are new or look changed. */
  async #takeIn(entries: readonly ScanEntry[]): Promise<boolean> {
    if (entries.length === 0) return true
    const { tasks, index, clock } = this.#deps
    const files = entries.filter((entry) => entry.disk.kind === 'file')
    const hashedAt = clock.now()
    const hashed = new Map<RelativePath, HashResult>()
    for (const group of groupByBytes(files)) {
      for (const result of await tasks.hash(group)) hashed.set(result.path, result)
      if (this.#deps.signal.aborted) return false
    }
    return this.#deps.commits.run(async () => {
      if (!(await this.#deps.isFolderThere())) return false
      const current = await this.#stillAsSeen(entries)
      const rows = await index.getMany(entries.map((entry) => entry.path))
      const changes: RowChange[] = []
      const statesOnly: { path: RelativePath; disk: DiskState }[] = []
      for (const [i, entry] of entries.entries()) {
        if (!current(entry)) continue
        const change = this.#changeFor(entry, rows[i] ?? null, hashed.get(entry.path) ?? null, hashedAt)
        if (change === null) continue
        if ('record' in change) changes.push(change)
        else statesOnly.push(change)
      }
      if (statesOnly.length > 0) await index.updateDisk(statesOnly)
      await this.#commit(changes)
      return true
    })
  }

  /**
   * When others have committed since we looked, a file may have been replaced by a peer's version after it was hashed:
   * only entries that are still as we saw them count, the others are looked at again.
   */
  async #stillAsSeen(entries: readonly ScanEntry[]): Promise<(entry: ScanEntry) => boolean> {
    if (this.#deps.index.seq === this.#expectedSeq) return () => true
    const looks = await this.#deps.tasks.lstat(entries.map((entry) => entry.path))
    const changed = new Set(
      entries.filter((entry, i) => !sameDiskState(looks[i]?.disk ?? null, entry.disk)).map((entry) => entry.path),
    )
    for (const path of changed) this.#deps.dirty.add(path)
    return (entry) => !changed.has(entry.path)
  }

  async #commit(changes: readonly RowChange[]): Promise<void> {
    if (changes.length === 0) return
    const { index, onCommit } = this.#deps
    const alone = index.seq === this.#expectedSeq
    await index.commit(changes)
    if (alone) this.#expectedSeq = index.seq
    onCommit(changes)
  }

  #changeFor(
    entry: ScanEntry,
    row: IndexRow | null,
    hash: HashResult | null,
    hashedAt: number,
  ): RowChange | { path: RelativePath; disk: DiskState } | null {
    const draft = describeEntry(entry, hash)
    if (draft === null) {
      this.#lookAgain(entry.path, hash)
      return null
    }
    this.#retries.delete(entry.path)
    const disk = hash?.outcome === 'hashed' ? hash.disk : entry.disk
    // A write that comes right after ours may leave the same times: such a file is looked at once more. Not so one from
    // the future, where a clock once was: whoever writes to it now leaves another time.
    const ctimeMs = Number(disk.ctimeNs / 1_000_000n)
    const soon = Math.max(hashedAt, this.#deps.clock.now()) + timestampGrainMs
    const racy = entry.disk.kind === 'file' && ctimeMs >= hashedAt - timestampGrainMs && ctimeMs <= soon
    const kept = racy ? { ...disk, ctimeNs: 0n } : disk
    if (racy) this.#deps.dirty.addLater(entry.path, timestampGrainMs * 4)
    const old = row?.record ?? null
    if (old !== null && sameEntry(old, draft)) return { path: entry.path, disk: kept }
    const blockList = hash?.outcome === 'hashed' ? hash.blockList : null
    return { record: this.#newVersion(entry.path, old, draft), disk: kept, blockList }
  }

  #lookAgain(path: RelativePath, hash: HashResult | null): void {
    if (hash?.outcome === 'failed') this.#deps.problems.add(path, hash.reason)
    if (hash?.outcome === 'gone') this.#deps.dirty.add(path)
    if (hash?.outcome !== 'changed') return
    const tries = this.#retries.get(path) ?? 0
    this.#retries.set(path, tries + 1)
    this.#deps.dirty.addLater(path, Math.min(100 * 2 ** tries, 10_000))
  }

  /**
   * Publishes that these paths are gone, unless they are back or the folder itself is not there. A folder comes after
   * what was in it, so that a peer which was told one part never takes the rest for new.
   */
  async #takeAway(gone: readonly RelativePath[]): Promise<boolean> {
    const { index, tasks, clock } = this.#deps
    const paths = gone.toSorted((a, b) => comparePaths(b, a))
    for (let at = 0; at < paths.length; at += removalsPerCommit) {
      const part = paths.slice(at, at + removalsPerCommit)
      const goOn = await this.#deps.commits.run(async () => {
        const looks = await tasks.lstat(part)
        const rows = await index.getMany(part)
        // After the look: a folder that was away while we looked has no marker now.
        if (!(await this.#deps.isFolderThere())) return false
        const mtimeNs = BigInt(Math.round(clock.now())) * 1_000_000n
        const changes: RowChange[] = []
        for (const [i, path] of part.entries()) {
          const row = rows[i]
          if (looks[i]?.outcome !== 'absent' || row === undefined || row === null || !isLive(row.record)) continue
          this.#deps.problems.clear(path)
          changes.push({ record: this.#newVersion(path, row.record, { ...nothingThere, mtimeNs }), disk: null })
        }
        await this.#commit(changes)
        return true
      })
      if (!goOn) return false
    }
    return true
  }

  #newVersion(path: RelativePath, old: FileRecord | null, draft: EntryDraft): FileRecord {
    const { index, deviceName } = this.#deps
    return {
      path,
      ...draft,
      version: advanceVersion(old?.version ?? [], index.writer, index.seq + 1),
      writer: index.writer,
      writerName: deviceName,
      basis: old === null ? noFingerprint : fingerprint(old),
    }
  }
}

export interface LocalChangesDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
  readonly commits: SerialQueue
  readonly dirty: DirtyPaths
  readonly problems: FolderProblems
  readonly deviceName: string
  readonly signal: AbortSignal
  /** Checks the marker on disk. */
  readonly isFolderThere: () => Promise<boolean>
  readonly onCommit: (changes: readonly RowChange[]) => void
}

/** File systems stamp times with the kernel's tick: 4 ms, 10 ms on old kernels. */
const timestampGrainMs = 12
const removalsPerCommit = 10_000
