import { defaultGuard, type GuardLimits, type HeldChanges } from '../model/guard-limits.ts'
import { errorText } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { ChangeGuard } from './change-guard.ts'
import { ToldLosses } from './told-losses.ts'

/** The change guard of one folder, which looks both ways. */
export class FolderGuard {
  readonly outgoing: ChangeGuard
  readonly incoming: ChangeGuard
  readonly limits: GuardLimits
  readonly told: ToldLosses
  #held: readonly HeldChanges[]

  constructor(deps: FolderGuardDeps) {
    const { limits = defaultGuard, held = [], onHeld = async () => undefined } = deps.guard ?? {}
    this.#held = held
    this.limits = limits
    this.told = deps.toldLosses ?? ToldLosses.none()
    const guardOf = (direction: HeldChanges['direction']): ChangeGuard =>
      new ChangeGuard({
        ...deps,
        direction,
        limits,
        held: held.find((other) => other.direction === direction) ?? null,
        onHeld: async (changed) => {
          this.#held = this.#held.filter((other) => other.direction !== direction)
          if (changed !== null) this.#held = [...this.#held, changed]
          else if (direction === 'incoming') this.told.forgetWaiting()
          deps.onChange()
          // It holds, or was decided, all the same: a restart would count, or ask, once more.
          await onHeld(this.#held).catch((error: unknown) => {
            deps.logger?.warn('what is held could not be noted', { error: errorText(error) })
          })
        },
      })
    this.outgoing = guardOf('outgoing')
    this.incoming = guardOf('incoming')
    // A kill may have come between the end of the waiting and the note of it.
    if (this.incoming.held === null) this.told.forgetWaiting()
    else this.incoming.remember(this.told.waiting)
  }

  /** What waits for a person. */
  get held(): readonly HeldChanges[] {
    return [this.outgoing.held, this.incoming.held].filter((held) => held !== null)
  }

  /** Our record at this path is another one now, or as new as what was told. */
  settled(path: RelativePath): void {
    this.incoming.passed(path)
    this.told.settled(path)
  }

  /** Gives back the memory of what came and went long ago; without this a large first sync is remembered until the next change. */
  forgetOld(): void {
    this.outgoing.forgetOld()
    this.incoming.forgetOld()
  }
}

/** How a folder is guarded, and what waited when it was closed. */
export interface GuardOptions {
  readonly limits: GuardLimits
  readonly held: readonly HeldChanges[]
  /** Resolves when it is remembered. */
  readonly onHeld: (held: readonly HeldChanges[]) => Promise<void>
}

interface FolderGuardDeps {
  readonly clock: Pick<Clock, 'now' | 'monotonic'>
  readonly filesNow: () => number
  /** By default the usual limits, and nothing is remembered. */
  readonly guard?: GuardOptions | undefined
  readonly toldLosses?: ToldLosses | undefined
  readonly onChange: () => void
  readonly logger?: Pick<Logger, 'warn'>
}
