import { errorText } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { isBelow, isRelativePath, type RelativePath } from '../model/relative-path.ts'
import type { VersionVector } from '../model/version-vector.ts'
import type { Logger } from '../ports/logger.ts'
import { compareVersions } from '../vector-clock/compare-versions.ts'
import { noteFile, type NoteFile } from './note-file.ts'

/** Paths, each with the version that would take away what is there, and how many files that are: 0 for a folder. */
export type ToldVersions = readonly (readonly [path: string, version: VersionVector, files: number])[]

export interface ToldLossesNote {
  readonly waiting: ToldVersions
  readonly rejected: ToldVersions
}

/** Of more, those told first are remembered. */
const rememberedMax = 100_000

type ToldRecord = Pick<FileRecord, 'path' | 'version'>

interface ToldLoss {
  readonly version: VersionVector
  readonly files: number
}

/**
 * Removals and rewrites that devices tell and that wait for a person, and those that a person has rejected while nobody
 * told them: whoever told them may be away by then, and tells them again when it is back.
 */
export class ToldLosses {
  readonly #notes: NoteFile<ToldLossesNote> | null
  readonly #logger: Pick<Logger, 'warn'> | null
  readonly #waiting: Map<RelativePath, ToldLoss>
  readonly #rejected: Map<RelativePath, ToldLoss>
  #isSaved = true
  /** Something that was rejected is told again. */
  onCome: () => void = () => undefined

  private constructor(note: ToldLossesNote | null, deps: Partial<ToldLossesDeps>) {
    this.#notes = deps.notes ?? null
    this.#logger = deps.logger ?? null
    this.#waiting = lossesOf(note?.waiting ?? [])
    this.#rejected = lossesOf(note?.rejected ?? [])
  }

  /** By default nothing is remembered over a restart. */
  static none(): ToldLosses {
    return new ToldLosses(null, {})
  }

  /** What an earlier run has noted. */
  static async open(deps: ToldLossesDeps): Promise<ToldLosses> {
    return new ToldLosses(await deps.notes.load(), deps)
  }

  get waiting(): Iterable<readonly [RelativePath, { readonly files: number }]> {
    return this.#waiting
  }

  wait({ path, version }: ToldRecord, files: number): void {
    if (this.#waiting.size >= rememberedMax && !this.#waiting.has(path)) return
    this.#waiting.set(path, { version, files })
    this.#isSaved = false
  }

  get hasRejected(): boolean {
    return this.#rejected.size > 0
  }

  /** True for what was rejected, and for what was made of it. */
  isRejected({ path, version }: ToldRecord): boolean {
    const rejected = this.#rejected.get(path)
    return rejected !== undefined && ['equal', 'after'].includes(compareVersions(version, rejected.version))
  }

  /** True when something was rejected that a removal of this folder would take away. */
  hasRejectedIn(folder: RelativePath): boolean {
    for (const path of this.#rejected.keys()) if (path === folder || isBelow(path, folder)) return true
    return false
  }

  /** What waits is rejected, whoever tells it again. Resolves when it is remembered, or that has been warned of. */
  async rejectWaiting(): Promise<void> {
    for (const [path, loss] of this.#waiting) {
      this.#rejected.delete(path)
      this.#rejected.set(path, loss)
    }
    for (const path of this.#rejected.keys()) {
      if (this.#rejected.size <= rememberedMax) break
      this.#rejected.delete(path)
    }
    this.forgetWaiting()
    await this.save()
  }

  /** Nothing waits any more. */
  forgetWaiting(): void {
    if (this.#waiting.size > 0) this.#isSaved = false
    this.#waiting.clear()
  }

  /** Our record at this path is another one now, or as new as what was told. */
  settled(path: RelativePath): void {
    const [wasWaiting, wasRejected] = [this.#waiting.delete(path), this.#rejected.delete(path)]
    if (wasWaiting || wasRejected) this.#isSaved = false
  }

  /** Notes what has changed; a kill costs what came after this. */
  async save(): Promise<void> {
    if (this.#isSaved || this.#notes === null) return
    this.#isSaved = true
    try {
      await this.#notes.save({ waiting: versionsOf(this.#waiting), rejected: versionsOf(this.#rejected) })
    } catch (error) {
      this.#isSaved = false
      this.#logger?.warn('what waits for a person could not be noted', { error: errorText(error) })
    }
  }
}

export interface ToldLossesDeps {
  readonly notes: NoteFile<ToldLossesNote>
  readonly logger: Pick<Logger, 'warn'>
}

/** A note in a file of the state directory. */
export function toldLossesIn(file: string): NoteFile<ToldLossesNote> {
  return noteFile(file, isNote)
}

function lossesOf(versions: ToldVersions): Map<RelativePath, ToldLoss> {
  return new Map(versions.map(([path, version, files]) => [path as RelativePath, { version, files }]))
}

function versionsOf(losses: ReadonlyMap<RelativePath, ToldLoss>): ToldVersions {
  return Array.from(losses, ([path, { version, files }]) => [path, version, files] as const)
}

function isNote(value: unknown): value is ToldLossesNote {
  if (typeof value !== 'object' || value === null) return false
  const { waiting, rejected } = value as Record<string, unknown>
  return areVersions(waiting) && areVersions(rejected)
}

function areVersions(value: unknown): value is ToldVersions {
  return Array.isArray(value) && value.length <= rememberedMax && value.every(isVersionOfPath)
}

function isVersionOfPath(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 3) return false
  const [path, version, files] = value as unknown[]
  if (typeof path !== 'string' || !isRelativePath(path) || !Array.isArray(version)) return false
  if (!Number.isSafeInteger(files)) return false
  return version.every((entry: unknown) => {
    if (!Array.isArray(entry) || entry.length !== 2) return false
    const [writer, counter] = entry as unknown[]
    return typeof writer === 'string' && /^[0-9a-f]{32}$/.test(writer) && Number.isSafeInteger(counter)
  })
}
