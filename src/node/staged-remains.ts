import { dayMs } from '../model/day.ts'
import { isResumableName, pathPartOf } from '../blocks/staged-name.ts'
import { errorText } from '../model/errors.ts'
import type { FileTasks, StagedEntry } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'

/** What an earlier try has left is kept for so long: then its need does not come again. */
export const remainsKeptDays = 7

/**
 * Of what is staged, what a later try may go on with at `nowMs`: of each path the file that was written last, unless that is
 * more than seven days ago.
 */
export function usefulRemains(staged: readonly StagedEntry[], nowMs: number): Set<string> {
  const newest = new Map<string, StagedEntry>()
  for (const entry of staged) {
    if (!isResumableName(entry.staged) || entry.changedMs < nowMs - remainsKeptDays * dayMs) continue
    const path = pathPartOf(entry.staged)
    const other = newest.get(path)
    if (other === undefined || other.changedMs < entry.changedMs) newest.set(path, entry)
  }
  return new Set(Array.from(newest.values(), (entry) => entry.staged))
}

/**
 * Discards remains that no later try will go on with; with `keep: 'none'`, when the disk is full, all of them. What
 * `isInUse` names stays, whatever it is. Should one that is in use go all the same, its job fails and begins anew.
 *
 * @returns how many bytes were discarded. What fails is tried again the next time.
 */
export async function discardRemains(
  { tasks, logger }: { readonly tasks: FileTasks; readonly logger: Logger },
  options: {
    readonly nowMs: number
    readonly keep: 'useful' | 'none'
    readonly isInUse?: (staged: string) => boolean
  },
): Promise<number> {
  const { nowMs, keep, isInUse = () => false } = options
  try {
    const staged = (await tasks.listStaged()).filter((entry) => isResumableName(entry.staged))
    const useful = keep === 'none' ? new Set<string>() : usefulRemains(staged, nowMs)
    const old = staged.filter((entry) => !useful.has(entry.staged) && !isInUse(entry.staged))
    if (old.length === 0) return 0
    await tasks.discardStaged(old.map((entry) => entry.staged))
    return old.reduce((sum, entry) => sum + entry.sizeBytes, 0)
  } catch (error) {
    logger.warn('remains of earlier tries were not cleared away', { error: errorText(error) })
    return 0
  }
}

/** Discards what jobs no longer need; what a disk that fails or is away does not let go of goes with the next that it does. */
export class StagedLeftovers {
  readonly #tasks: Pick<FileTasks, 'discardStaged' | 'listStaged'>
  readonly #isFolderThere: () => Promise<boolean>
  #left: readonly string[] = []

  constructor({ tasks, isFolderThere }: StagedLeftoversDeps) {
    this.#tasks = tasks
    this.#isFolderThere = isFolderThere
  }

  /** These have been put in place: what was staged of other versions of their paths is of no more use. Never fails. */
  async settled(staged: readonly string[]): Promise<void> {
    const paths = new Set(staged.filter(isResumableName).map(pathPartOf))
    if (paths.size === 0) return
    const listed = await this.#tasks.listStaged().catch(() => [])
    const others = listed.map((entry) => entry.staged).filter((name) => isResumableName(name) && !staged.includes(name))
    await this.discard(others.filter((name) => paths.has(pathPartOf(name))))
  }

  /** Never fails. Beyond ten thousand the next start finds them. */
  async discard(staged: readonly string[]): Promise<void> {
    const all = [...staged, ...this.#left].slice(0, leftMax)
    if (all.length === 0) return
    this.#left = []
    // Where the folder was, nothing is to be discarded while it is away.
    const isDone = await this.#tasks
      .discardStaged(all)
      .then(this.#isFolderThere)
      .catch(() => false)
    if (!isDone) this.#left = [...all, ...this.#left]
  }
}

export interface StagedLeftoversDeps {
  readonly tasks: Pick<FileTasks, 'discardStaged' | 'listStaged'>
  readonly isFolderThere: () => Promise<boolean>
}

const leftMax = 10_000
