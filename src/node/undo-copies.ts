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
  const steps = await stepsFor(deps, intents)
  if (steps.length === 0) return
  const results = await tasks.apply(steps, { history: historyName(clock.now()) })
  const undone = results.filter(({ outcome }) => outcome === 'done').length
  logger.info('copies undone', { copies: steps.length, undone })
}

async function stepsFor({ index, tasks }: RecoverFolderDeps, intents: readonly Intent[]): Promise<ApplyStep[]> {
  const pairs = intents.flatMap(({ record: { path }, copyPath }) =>
    copyPath === undefined ? [] : [{ path, copyPath }],
  )
  if (pairs.length === 0) return []
  const paths = pairs.flatMap(({ path, copyPath }) => [path, copyPath])
  const [rows, looks] = [await index.getMany(paths), await tasks.lstat(paths)]
  return pairs.flatMap(({ path, copyPath }, i): ApplyStep[] => {
    const [at, copyAt] = [2 * i, 2 * i + 1]
    const copy = looks[copyAt]?.disk ?? null
    const copyRow = rows[copyAt] ?? null
    const isCopyIndexed = copyRow !== null && isLive(copyRow.record)
    const facts = { disk: looks[at]?.disk ?? null, indexed: rows[at]?.disk ?? null, copy, isCopyIndexed }
    return isLeftTwice(facts) && copy !== null
      ? [{ type: 'remove-second-name', path: copyPath, expect: copy, other: path }]
      : []
  })
}
