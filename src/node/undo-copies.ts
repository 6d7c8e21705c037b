import { isLeftTwice } from '../apply/recover.ts'
import type { Intent } from '../file-index/folder-index.ts'
import { isLive } from '../model/file-record.ts'
import type { ApplyStep } from '../ports/file-tasks.ts'
import { historyName } from './history-name.ts'
import type { RecoverFolderDeps } from './recover-folder.ts'

/**
 * Where a kill came in between, the loser of a conflict has the name of its copy and still its own, and who edits one edits
 * both. It loses that of the copy, and the conflict is decided again. Durable when it resolves: only then may the intents go.
 */
export async function undoCopies(deps: RecoverFolderDeps, intents: readonly Intent[]): Promise<void> {
  const { tasks, clock, logger } = deps
  const steps: ApplyStep[] = []
  for (const intent of intents) steps.push(...(await stepsFor(deps, intent)))
  if (steps.length === 0) return
  const results = await tasks.apply(steps, { history: historyName(clock.now()) })
  const undone = results.filter(({ outcome }) => outcome === 'done').length
  logger.info('copies undone', { copies: steps.length, undone })
}

async function stepsFor({ index, tasks }: RecoverFolderDeps, { record, copyPath }: Intent): Promise<ApplyStep[]> {
  if (copyPath === undefined) return []
  const { path } = record
  const [row, copyRow] = [await index.get(path), await index.get(copyPath)]
  const [look, copyLook] = await tasks.lstat([path, copyPath])
  const copy = copyLook?.disk ?? null
  const isCopyIndexed = copyRow !== null && isLive(copyRow.record)
  const isTwice = isLeftTwice({ disk: look?.disk ?? null, indexed: row?.disk ?? null, copy, isCopyIndexed })
  return isTwice && copy !== null ? [{ type: 'remove-second-name', path: copyPath, expect: copy, other: path }] : []
}
