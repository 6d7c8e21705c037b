import type { RowChange } from '../file-index/folder-index.ts'
import { errorText } from '../model/errors.ts'
import { fingerprint } from '../model/file-record.ts'
import { isRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { Logger } from '../ports/logger.ts'
import { noteFile, type NoteFile } from './note-file.ts'
import { SerialQueue } from './serial-queue.ts'

/** Paths of files that are damaged, and nobody looks after yet. */
export type DamageNotes = NoteFile<readonly string[]>

/** Looks after damaged files, and remembers them, also over a restart. */
export interface DamageKeeper {
  /** Resolves to those of the paths that are remembered there from now on. */
  lookAfter(paths: readonly RelativePath[]): Promise<readonly RelativePath[]>
  damaged(): readonly RelativePath[]
}

/** More than a power cut damages. */
const damagedMax = 10_000

/**
 * Files that a power cut has surely damaged, from when that is seen until somebody looks after them. The index is told of
 * their state only after they have been noted here: else nothing would tell such a file from a whole one after the next
 * start.
 */
export class KnownDamage {
  readonly #deps: KnownDamageDeps
  readonly #paths = new Set<RelativePath>()
  readonly #saves = new SerialQueue()
  #keeper: DamageKeeper | null = null

  constructor(deps: KnownDamageDeps) {
    this.#deps = deps
  }

  /** To be called before anything is added. */
  async load(): Promise<void> {
    for (const path of (await this.#deps.damageNotes?.load()) ?? []) if (isRelativePath(path)) this.#paths.add(path)
    this.#handOver()
  }

  /**
   * Notes that they are damaged, and then, by `tellIndex`, in which state they are.
   *
   * @throws when they cannot be noted: then the index is not told.
   */
  async add(paths: readonly RelativePath[], tellIndex: () => Promise<void>): Promise<void> {
    const news = paths.filter((path) => !this.#paths.has(path)).slice(0, damagedMax - this.#paths.size)
    if (news.length > 0) await this.#note(news)
    await tellIndex()
    // Not before: who looks at one then takes it for a file that is being changed.
    if (paths.length > 0) this.#handOver()
  }

  /**
   * Commits changes by `commit`. When a damaged file has moved by them, it is noted at its new path before: its row there
   * says that it is as we know it. `copies` tells which paths have given their files to which.
   *
   * @throws as {@link add}, and what `commit` does.
   */
  follow(
    changes: readonly RowChange[],
    commit: () => Promise<void>,
    copies: ReadonlyMap<RelativePath, RelativePath> = noCopies,
  ): Promise<void> {
    const damaged = this.all()
    const moved = movedBy(changes, damaged)
    for (const [from, to] of copies) if (damaged.has(from)) moved.push(to)
    return moved.length === 0 ? commit() : this.add(moved, commit)
  }

  /** What is known to be damaged, here and by whoever looks after it. */
  all(): ReadonlySet<RelativePath> {
    return new Set([...this.#paths, ...(this.#keeper?.damaged() ?? [])])
  }

  /** Who looks after them from now on; told at once of what is known. */
  handTo(keeper: DamageKeeper): void {
    this.#keeper = keeper
    this.#handOver()
  }

  #handOver(): void {
    this.#giveAll().catch((error: unknown) => {
      this.#deps.logger.warn('what is damaged could not be noted', { error: errorText(error) })
    })
  }

  async #giveAll(): Promise<void> {
    if (this.#keeper === null || this.#paths.size === 0) return
    const taken = await this.#keeper.lookAfter([...this.#paths])
    for (const path of taken) this.#paths.delete(path)
    if (taken.length > 0) await this.#save()
  }

  async #note(news: readonly RelativePath[]): Promise<void> {
    for (const path of news) this.#paths.add(path)
    try {
      await this.#save()
    } catch (error) {
      // The next try is to note them, too.
      for (const path of news) this.#paths.delete(path)
      throw error
    }
  }

  #save(): Promise<void> {
    return this.#saves.run(async () => this.#deps.damageNotes?.save([...this.#paths]))
  }
}

const noCopies: ReadonlyMap<RelativePath, RelativePath> = new Map()

/** Where what is damaged may be after these changes: one file too many is looked at in vain. */
function movedBy(changes: readonly RowChange[], damaged: ReadonlySet<RelativePath>): RelativePath[] {
  if (damaged.size === 0) return []
  const left = new Set<string>()
  for (const { record } of changes) {
    if (record.kind === 'tombstone' && damaged.has(record.path)) left.add(record.basis)
  }
  if (left.size === 0) return []
  return changes.flatMap(({ record }) => {
    return record.kind === 'file' && left.has(fingerprint(record)) ? [record.path] : []
  })
}

export interface KnownDamageDeps {
  readonly logger: Pick<Logger, 'warn'>
  /** By default nothing is remembered over a restart. */
  readonly damageNotes?: DamageNotes
}

/** A note in a file of the state directory. */
export function damageNotesIn(file: string): DamageNotes {
  return noteFile(file, isNote)
}

function isNote(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= damagedMax && value.every((path) => typeof path === 'string')
}
