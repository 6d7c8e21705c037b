import type { FolderIndex, IndexRow, RowChange } from '../file-index/folder-index.ts'
import { sameDiskState, toLookAtAgain, type DiskState } from '../model/disk-state.ts'
import { fingerprint, isLive, noFingerprint, type FileRecord } from '../model/file-record.ts'
import type { FolderMove } from '../model/folder-move.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks, HashResult, ScanEntry } from '../ports/file-tasks.ts'
import { advanceVersion } from '../vector-clock/compare-versions.ts'
import { isCutOff } from './cut-off.ts'
import { databaseOf } from './database-files.ts'
import type { Loss } from './change-window.ts'
import type { DirtyPaths } from './dirty-paths.ts'
import { describeEntry, nothingThere, sameEntry, type EntryDraft } from './entry-draft.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderProblems } from './folder-problems.ts'
import { lookAtFreedNames } from './freed-names.ts'
import { lossOf } from './guard-losses.ts'
import type { HashedEntries } from './hash-ahead.ts'
import { hasGone, noteLook } from './look.ts'
import type { KnownDamage } from './known-damage.ts'
import { lookAgainAfterMs } from './racily-clean.ts'
import type { SecondLooks } from './second-looks.ts'
import type { SerialQueue } from './serial-queue.ts'
import type { Settling } from './settling.ts'
import type { UnflushedNames } from './unflushed-names.ts'

/** Files that had another path until now, with the rows of those. */
export type MovedFiles = ReadonlyMap<RelativePath, IndexRow>

/** Turns what was seen on this disk into records, as long as it is still there when its turn comes. */
export class LocalCommits {
  readonly #deps: LocalCommitsDeps
  /** Rows up to here are from an earlier process. */
  readonly #openedAtSeq: number
  /** Found in this commit: a power cut took bytes of them. */
  readonly #cutOff: RelativePath[] = []
  /** The index's sequence number if nobody but us has committed since the look that is under way began. */
  #expectedSeq = 0
  /** Of an index that was new when the look began: all that was taken in since lies up to here. Null: nobody knows. */
  #newUpTo: RelativePath | '' | null = null

  constructor(deps: LocalCommitsDeps) {
    this.#deps = deps
    this.#openedAtSeq = deps.index.seq
  }

  /** What is handed over from now on was seen from now on. */
  beginLook(): void {
    this.#expectedSeq = this.#deps.index.seq
    this.#newUpTo = this.#expectedSeq === 0 ? '' : null
  }

  /** Publishes entries that are new or look changed. False when the folder is not there. */
  takeIn(seen: HashedEntries, moved: MovedFiles = noMoves): Promise<boolean> {
    const { index, commits } = this.#deps
    return commits.run(async () => {
      const left = await this.#leftPlaces(moved)
      if (!(await this.#deps.isFolderThere())) return false
      const current = await this.#stillAsSeen(seen.entries)
      const rows = await this.#rowsOf(seen.entries)
      const torn = tornDatabases(seen)
      const unflushed = await this.#deps.unflushed.among(seen.entries.map(({ path }) => path))
      const changes: RowChange[] = []
      const losses: Loss[] = []
      const movedTo = new Map<RelativePath, RelativePath>()
      const statesOnly: { path: RelativePath; disk: DiskState }[] = []
      for (const [i, entry] of seen.entries.entries()) {
        const from = moved.get(entry.path)
        if (from !== undefined && !left.has(from.record.path)) this.#deps.dirty.add(entry.path)
        else if (unflushed.has(entry.path)) this.#deps.dirty.addUnreadable(entry.path)
        else if (torn.has(databaseOf(entry.path)) && seen.hashes.get(entry.path)?.outcome === 'hashed') {
          this.#deps.dirty.addLater(entry.path, tornRetryMs)
        } else if (current(entry)) {
          const change = this.#changeFor(entry, { row: rows[i] ?? null, isMoved: from !== undefined, seen })
          if (change === null) continue
          if ('record' in change) {
            changes.push(change)
            const { path, content } = change.record
            const loss = lossOf(rows[i]?.record ?? null, change.record)
            if (loss !== null) losses.push(loss)
            else if (from === undefined) this.#deps.guard.outgoing.gained(path, content)
          } else statesOnly.push(change)
          if (from === undefined) continue
          movedTo.set(from.record.path, entry.path)
          changes.push(this.#tombstone(from.record))
        }
      }
      if (statesOnly.length > 0) {
        await this.#deps.damage.add(this.#cutOff.splice(0), () => index.updateDisk(statesOnly))
      }
      const held = await this.#deps.guard.outgoing.refuse(losses, this.#deps.deviceName)
      // What has moved is not gone as long as nobody is told where it is.
      const mayGo = ({ record: { path } }: RowChange): boolean => !held.has(movedTo.get(path) ?? path)
      await this.#commit(held.size === 0 ? changes : changes.filter(mayGo))
      return true
    })
  }

  /**
   * Publishes that these paths are gone, unless they are back or the folder itself is not there. A folder comes after
   * what was in it, so that a peer which was told one part never takes the rest for new.
   */
  async takeAway(gone: readonly RelativePath[]): Promise<boolean> {
    const { index, tasks, commits } = this.#deps
    const paths = [...new Set(gone)].sort((a, b) => comparePaths(b, a))
    for (let at = 0; at < paths.length; at += removalsPerCommit) {
      const part = paths.slice(at, at + removalsPerCommit)
      const goOn = await commits.run(async () => {
        const unflushed = await this.#deps.unflushed.among(part)
        for (const path of unflushed) this.#deps.dirty.addUnreadable(path)
        // Before the look and after it: in a folder that was away nothing is there, and it may be back by now.
        if (!(await this.#deps.isFolderThere())) return false
        const looks = await tasks.lstat(part)
        const rows = await index.getMany(part)
        if (!(await this.#deps.isFolderThere())) return false
        const changes: RowChange[] = []
        for (const [i, path] of part.entries()) {
          const look = looks[i]
          const row = rows[i] ?? null
          // Whoever cannot be asked once is asked again: nothing else would.
          if (look?.outcome === 'unknown') this.#deps.dirty.addUnreadable(path)
          if (unflushed.has(path) || !hasGone(look) || row === null || !isLive(row.record)) continue
          noteLook(look, this.#deps)
          changes.push(this.#tombstone(row.record))
        }
        await this.#commit(changes)
        return true
      })
      if (!goOn) return false
    }
    return true
  }

  /** Publishes what `derive` finds, while nobody else commits. */
  async takeMove(derive: () => Promise<{ move: FolderMove; changes: readonly RowChange[] } | null>): Promise<boolean> {
    return this.#deps.commits.run(async () => {
      const found = await derive()
      if (found !== null) await this.#commit(found.changes, found.move)
      return found !== null
    })
  }

  /**
   * When others have committed since we looked, a file may have been replaced by a peer's version after it was hashed:
   * only entries that are still as we saw them count, the others are looked at again.
   */
  async #stillAsSeen(entries: readonly ScanEntry[]): Promise<(entry: ScanEntry) => boolean> {
    if (this.#deps.index.seq === this.#expectedSeq) return () => true
    const looks = await this.#deps.tasks.lstat(entries.map((entry) => entry.path))
    const changed = new Set<RelativePath>()
    for (const [i, entry] of entries.entries()) {
      if (!sameDiskState(looks[i]?.disk ?? null, entry.disk)) changed.add(entry.path)
    }
    for (const path of changed) this.#deps.dirty.add(path)
    return (entry) => !changed.has(entry.path)
  }

  /** None are read of an index that cannot have them: the first look gives out each path once, in order. */
  async #rowsOf(entries: readonly ScanEntry[]): Promise<readonly (IndexRow | null)[]> {
    const { index } = this.#deps
    for (const { path } of entries) {
      if (this.#newUpTo === null) break
      this.#newUpTo = this.#newUpTo === '' || comparePaths(this.#newUpTo, path) < 0 ? path : null
    }
    if (this.#newUpTo !== null && index.seq === this.#expectedSeq) return []
    return index.getMany(entries.map((entry) => entry.path))
  }

  /** The old paths of moved files where nothing of theirs is any more, and which nobody has committed since. */
  async #leftPlaces(moved: MovedFiles): Promise<ReadonlySet<RelativePath>> {
    const { index, tasks } = this.#deps
    const from = Array.from(moved.values())
    if (from.length === 0) return new Set()
    const paths = from.map((row) => row.record.path)
    const looks = await tasks.lstat(paths)
    const rows = await index.getMany(paths)
    return new Set(paths.filter((_, i) => hasGone(looks[i]) && rows[i]?.seq === from[i]!.seq))
  }

  async #commit(changes: readonly RowChange[], move?: FolderMove): Promise<void> {
    if (changes.length === 0) return
    const { index, damage, onCommit } = this.#deps
    const alone = index.seq === this.#expectedSeq
    await damage.follow(changes, () => index.commit(changes, move === undefined ? {} : { move }))
    if (alone) this.#expectedSeq = index.seq
    lookAtFreedNames(changes, this.#deps)
    onCommit(changes)
  }

  #changeFor(
    entry: ScanEntry,
    facts: { readonly row: IndexRow | null; readonly isMoved: boolean; readonly seen: HashedEntries },
  ): RowChange | { path: RelativePath; disk: DiskState } | null {
    const { row, isMoved, seen } = facts
    const hash = seen.hashes.get(entry.path) ?? null
    const draft = describeEntry(entry, hash)
    if (draft === null) {
      this.#lookAgain(entry, hash)
      return null
    }
    this.#deps.settling.forget(entry.path)
    const disk = hash?.outcome === 'hashed' ? hash.disk : entry.disk
    const old = row?.record ?? null
    const isSame = old !== null && sameEntry(old, draft)
    if (!isSame && row !== null && this.#hasPowerCutOff(row, disk)) {
      this.#deps.problems.add(entry.path, cutOffReason)
      this.#cutOff.push(entry.path)
      // Never once more: that would find other bytes than the record says, and nothing that tells why.
      return { path: entry.path, disk }
    }
    // A move sets ctime anew, but not a byte.
    const changedNs = isMoved ? disk.mtimeNs : disk.ctimeNs
    const times = { hashedAt: seen.hashedAt, now: this.#deps.clock.now() }
    const againMs = entry.disk.kind === 'file' ? lookAgainAfterMs(changedNs, times) : null
    const kept = againMs === null ? disk : toLookAtAgain(disk)
    if (againMs !== null) this.#deps.dirty.addLater(entry.path, againMs)
    const afterSeq = isSame && row !== null ? row.seq - 1 : this.#deps.index.seq
    if (hash !== null && !isMoved) this.#deps.looks.onHashed(entry.path, disk, { hashedAt: seen.hashedAt, afterSeq })
    if (isSame) return { path: entry.path, disk: kept }
    const blockList = hash?.outcome === 'hashed' ? hash.blockList : null
    return { record: this.#newVersion(entry.path, old, draft), disk: kept, blockList }
  }

  #hasPowerCutOff(row: IndexRow, disk: DiskState): boolean {
    if (row.seq > this.#openedAtSeq || !this.#deps.mayHaveLostPower()) return false
    return row.disk !== null && isCutOff(row.disk, disk)
  }

  #lookAgain(entry: ScanEntry, hash: HashResult | null): void {
    const { path } = entry
    if (hash?.outcome === 'failed') {
      this.#deps.problems.add(path, hash.reason)
      this.#deps.dirty.addUnreadable(path)
      this.#deps.settling.forget(path)
    }
    if (hash?.outcome === 'gone') this.#deps.dirty.add(path)
    if (hash?.outcome !== 'changed') return
    const again = this.#deps.settling.disturbed(entry)
    this.#deps.dirty.addLater(again.path, again.delayMs)
    if (again.problem !== null) this.#deps.problems.add(again.path, again.problem)
  }

  #tombstone(old: FileRecord): RowChange {
    const mtimeNs = BigInt(Math.round(this.#deps.clock.now())) * 1_000_000n
    return { record: this.#newVersion(old.path, old, { ...nothingThere, mtimeNs }), disk: null }
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

export interface LocalCommitsDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly commits: SerialQueue
  readonly dirty: DirtyPaths
  readonly problems: FolderProblems
  readonly settling: Settling
  readonly looks: Pick<SecondLooks, 'onHashed'>
  readonly unflushed: UnflushedNames
  readonly deviceName: string
  readonly guard: FolderGuard
  /** False when no power cut can have come since the process before. */
  readonly mayHaveLostPower: () => boolean
  /** Checks the marker on disk. */
  readonly isFolderThere: () => Promise<boolean>
  readonly onCommit: (changes: readonly RowChange[]) => void
  readonly damage: Pick<KnownDamage, 'add' | 'follow'>
}

/** The databases of which a file changed while it was read: the rest of them must wait for it. */
function tornDatabases(seen: HashedEntries): ReadonlySet<RelativePath> {
  const torn = new Set<RelativePath>()
  for (const [path, { outcome }] of seen.hashes) {
    if (outcome === 'changed' || outcome === 'gone') torn.add(databaseOf(path))
  }
  return torn
}

const tornRetryMs = 100
const cutOffReason = 'a power cut has taken bytes of it, which is not published: it is repaired from a peer that has it'
const removalsPerCommit = 10_000
const noMoves: MovedFiles = new Map()
