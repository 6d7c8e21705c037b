import { dayMs } from '../model/day.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import { errorText } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { historyName } from './history-name.ts'
import { discardRemains } from './staged-remains.ts'

const historyDays = 30

/** Clears away old versions of files, and remains of fetches, that have been kept long enough. What fails is tried again the next time. */
export async function trimHistory(deps: {
  readonly index: Pick<FolderIndex, 'forgetHistory'>
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
}): Promise<void> {
  const { index, tasks, clock, logger } = deps
  const keep = historyName(clock.now() - historyDays * dayMs)
  await tasks.trimHistory(keep).catch((error: unknown) => {
    logger.warn('old versions were not cleared away', { error: errorText(error) })
  })
  await index.forgetHistory(keep)
  await discardRemains({ tasks, logger }, { nowMs: clock.now(), keep: 'useful' })
}
