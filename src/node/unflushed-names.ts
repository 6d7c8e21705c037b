import { isBelow, type RelativePath } from '../model/relative-path.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import { isAtOrBelow } from './recognise-moves.ts'

/**
 * Paths at which this process has put or taken something that a failing disk did not make durable. The next look at the
 * disk finds it as if a user had done it; told before it is durable, a power cut would make of it a change that nobody made.
 */
export class UnflushedNames {
  readonly #tasks: Pick<FileTasks, 'syncNames'>
  readonly #paths = new Set<RelativePath>()

  constructor({ tasks }: { readonly tasks: Pick<FileTasks, 'syncNames'> }) {
    this.#tasks = tasks
  }

  add(path: RelativePath): void {
    this.#paths.add(path)
  }

  /** Those of `paths` that are still not durable, themselves or a folder above them, after another try. */
  async among(paths: readonly RelativePath[]): Promise<ReadonlySet<RelativePath>> {
    const left = this.#paths.size === 0 ? [] : paths.filter((path) => isAtOrBelow(path, this.#paths))
    if (left.length === 0) return none
    const noted = [...this.#paths].filter((path) => left.some((other) => other === path || isBelow(other, path)))
    if (!(await this.#tasks.syncNames(noted))) return new Set(left)
    for (const path of noted) this.#paths.delete(path)
    return none
  }
}

const none: ReadonlySet<RelativePath> = new Set()
