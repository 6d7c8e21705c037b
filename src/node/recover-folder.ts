import { isSameButMetadata, recoverIntent } from '../apply/recover.ts'
import type { DiskChange } from '../file-index/disk-states.ts'
import type { FolderIndex, Intent } from '../file-index/folder-index.ts'
import { isExecutable, sameFileIdentity, toLookAtAgain, type DiskState } from '../model/disk-state.ts'
import type { Clock } from '../ports/clock.ts'
import type { FileTasks } from '../ports/file-tasks.ts'
import type { Logger } from '../ports/logger.ts'
import { usefulRemains } from './staged-remains.ts'
import { undoCopies } from './undo-copies.ts'

/**
 * Adopts files that a killed node had put in place but not committed, and drops what it had only staged, unless a later
 * try can go on with it. To be called while nobody else commits, and before anything is staged.
 */
export async function recoverFolder(deps: RecoverFolderDeps): Promise<void> {
  const { index, tasks, clock, logger } = deps
  const staged = await tasks.listStaged()
  const inodes = new Map(staged.map((file) => [file.staged, file.inode]))
  const intents = await index.intents()
  await undoCopies(deps, intents)
  const looks = await tasks.lstat(intents.map((intent) => intent.record.path))
  const rows = await index.getMany(intents.map((intent) => intent.record.path))
  const placed: Adopted[] = []
  const settings: DiskChange[] = []
  for (const [i, intent] of intents.entries()) {
    const { record: intended, staged: name } = intent
    const disk = looks[i]?.disk ?? null
    if (disk === null) continue
    const facts = { intended, disk, indexed: rows[i]?.disk ?? null }
    // Nothing was staged: time or mode were to be set, or what is there was to become a copy.
    if (name === '') {
      if (intent.copyPath === undefined && isSameButMetadata(facts)) settings.push({ path: intended.path, disk })
      continue
    }
    const verdict = recoverIntent({ ...facts, staged: name, stagedInode: inodes.get(name) ?? null })
    if (verdict === 'adopt') placed.push({ intent, disk })
  }
  if (settings.length > 0) await index.updateDisk(settings)
  // The index is not to say more than the disk has: a power cut may take a name that only a killed process has seen.
  const isDurable = placed.length === 0 || (await tasks.syncNames(placed.map(({ intent }) => intent.record.path)))
  const adopted = isDurable ? placed : []
  if (intents.length > 0) {
    logger.info('recovered', { intents: intents.length, adopted: adopted.length })
    const changes = (await withOneName(tasks, adopted, inodes)).map(({ intent: { record, blockList }, disk }) => {
      // An executable bit that was set since is news: the next look is to find a difference.
      const isAsPlaced = isExecutable(disk.mode) === record.executable
      return { record, disk: isAsPlaced ? disk : toLookAtAgain(disk), blockList: blockList ?? null }
    })
    await index.commit(changes, { durable: true, clearIntents: [...new Set(intents.map(({ id }) => id))] })
  }
  const useful = usefulRemains(staged, clock.now())
  const others = [...inodes.keys()].filter((name) => !useful.has(name))
  if (others.length > 0) await tasks.discardStaged(others)
}

interface Adopted {
  readonly intent: Intent
  readonly disk: DiskState
}

/** Those that were killed between getting their name and losing the staged one lose it now, which changes their state. */
async function withOneName(
  tasks: FileTasks,
  adopted: readonly Adopted[],
  staged: Map<string, bigint>,
): Promise<readonly Adopted[]> {
  const second = adopted.filter(({ intent }) => staged.delete(intent.staged))
  if (second.length === 0) return adopted
  await tasks.discardStaged(second.map(({ intent }) => intent.staged))
  const looks = await tasks.lstat(adopted.map(({ intent }) => intent.record.path))
  // What somebody has changed meanwhile keeps its old state, and the next look finds a difference.
  return adopted.map(({ intent, disk }, i) => {
    const now = looks[i]?.disk ?? null
    return { intent, disk: now !== null && sameFileIdentity(now, disk) ? now : disk }
  })
}

export interface RecoverFolderDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Clock
  readonly logger: Logger
}
