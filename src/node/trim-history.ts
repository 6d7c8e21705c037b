import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { historyName } from './change-committer.ts'
import { discardRemains } from './staged-remains.ts'

const historyDays = 30
const dayMs = 24 * 60 * 60_000

/** Clears away old versions of files, and remains of fetches, that have been kept long enough. What fails is tried again the next time. */
export async function trimHistory(deps: {
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
}): Promise<void> {
  const { tasks, clock, logger } = deps
  await tasks.trimHistory(historyName(clock.now() - historyDays * dayMs)).catch((error: unknown) => {
    logger.warn('old versions were not cleared away', { error: errorText(error) })
  })
  await discardRemains({ tasks, logger }, { nowMs: clock.now(), keep: 'useful' })
}
