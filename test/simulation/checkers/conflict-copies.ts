import type { RelativePath } from '../../../src/model/relative-path.ts'
import { isConflictCopyName } from '../../../src/vector-clock/conflict-name.ts'
import { plain } from '../ledger.ts'
import { root } from '../paths.ts'
import type { Operation } from '../schedule.ts'
import type { CheckedRun } from './checked-run.ts'

/**
 * A loser has one copy: no content stands at two conflict names of one original, nor at one and at the original itself.
 * A conflict of a copy makes one more copy of the original, never a copy of a copy. What two devices had each found without
 * a record of it are two losers, whose copies are named after the two; and a loser that is found so may win the next time.
 */
export function conflictCopies({ schedule, world, ledger }: CheckedRun): string[] {
  // Who rejects a rewrite has a content stay that a copy was made of already; so has who removes or moves the winner.
  const mayGoBack = schedule.operations.some(({ type }) => goingBack.has(type))
  const mayLackRecord = schedule.operations.some(({ type }) => lackingRecord.has(type))
  // What was edited where a copy is, and was found without its record, may lose to what was there, and win the next time.
  const mayHaveWon = mayLackRecord && schedule.operations.some(({ type }) => type === 'edit-copy')
  const mayBeOneFile = schedule.operations.some(({ type }) => leavingTwoNames.has(type))
  const tree = world.devices[0]!.tree()
  const problems: string[] = []
  const copies = new Map<string, string>()
  for (const [path, what] of tree) {
    if (path.split('conflicted copy').length > 2) problems.push(`a copy of a copy: ${path}`)
    if (!isConflictCopyName(path as RelativePath) || !ledger.isWrittenOnce(what)) continue
    const original = path.replace(/ \([^()]*conflicted copy[^()]*\)/, '')
    const content = plain(what)
    const loser = `${original} ${content}${mayLackRecord ? ` ${deviceOf(path)}` : ''}`
    const other = copies.get(loser)
    const isFile = content.startsWith('file')
    const isSecond = other !== undefined && !mayHaveWon && !(mayBeOneFile && isFile && areOneFile(world, other, path))
    if (isSecond) problems.push(`two copies of a loser: ${other} and ${path}`)
    copies.set(loser, path)
    const isSame = plain(tree.get(original) ?? '') === content
    if (isSame && !mayGoBack && !mayLackRecord) problems.push(`a copy of what is at ${original}: ${path}`)
  }
  return problems
}

const goingBack: ReadonlySet<string> = new Set<Operation['type']>(['mass', 'program', 'remove', 'rename'])

/** After these a device may find what it has taken without a record of whose it is, or tells it as its own. */
const lackingRecord: ReadonlySet<string> = new Set<Operation['type']>([
  ...(['lose-database', 'put-database-back', 'disk-error', 'full'] as const),
  ...(['kill', 'cut-power', 'die', 'kill-start', 'cut-power-start'] as const),
  // Rejected on several devices.
  ...(['mass', 'program'] as const),
  // Another version of the same content.
  'chmod',
])

/**
 * A copy has its name before the loser is taken away, and what is interrupted in between is undone by the note that was made
 * of it. After these there may be none, or the undoing itself has failed: who edits the copy has edited the loser as well,
 * which then loses once more, as another content. To remove a name that a user sees without a note is worse.
 */
const leavingTwoNames: ReadonlySet<string> = new Set<Operation['type']>([
  'lose-database',
  'put-database-back',
  'disk-error',
])

function areOneFile(world: CheckedRun['world'], a: string, b: string): boolean {
  return world.devices.some(({ disk }) => disk.inodeOf(`${root}/${a}`) === disk.inodeOf(`${root}/${b}`))
}

function deviceOf(path: string): string {
  return /\(([^()]*)'s conflicted copy/.exec(path)?.[1] ?? ''
}
