import { recoverIntent } from '../apply/recover.ts'
import type { FolderIndex, RowChange } from '../file-index/folder-index.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { usefulRemains } from './staged-remains.ts'

/**
 * Adopts files that a killed node had put in place but not committed, and drops what it had only staged, unless a later
 * try can go on with it. To be called while nobody else commits, and before anything is staged.
 */
export async function recoverFolder(deps: {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
}): Promise<void> {
  const { index, tasks, clock, logger } = deps
  const staged = await tasks.listStaged()
  const names = new Set(staged.map((file) => file.staged))
  const intents = await index.intents()
  const looks = await tasks.lstat(intents.map((intent) => intent.record.path))
  const rows = await index.getMany(intents.map((intent) => intent.record.path))
  const changes: RowChange[] = []
  for (const [i, intent] of intents.entries()) {
    const disk = looks[i]?.disk ?? null
    const facts = { disk, stagedPresent: names.has(intent.staged), indexed: rows[i]?.disk ?? null }
    const verdict = recoverIntent({ intended: intent.record, staged: intent.staged, ...facts })
    if (verdict === 'adopt') changes.push({ record: intent.record, disk, blockList: intent.blockList ?? null })
  }
  if (intents.length > 0) {
    logger.info('recovered', { intents: intents.length, adopted: changes.length })
    await index.commit(changes, { durable: true, clearIntents: [...new Set(intents.map(({ id }) => id))] })
  }
  const useful = usefulRemains(staged, clock.now())
  const others = [...names].filter((name) => !useful.has(name))
  if (others.length > 0) await tasks.discardStaged(others)
}
