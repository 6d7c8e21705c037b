import type { PlannedChange } from '../apply/plan-steps.ts'
import type { IndexRow, Intent } from '../file-index/folder-index.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Decision } from '../reconcile/decide.ts'
import type { Need } from './need.ts'

/** One decided need; for a file, with its bytes staged. */
export interface Work {
  readonly need: Need
  readonly decision: Exclude<Decision, { action: 'nothing' }>
  readonly row: IndexRow | null
  /** The state on the disk in `row` is of other bytes than its record: they were rewritten, and nobody has been told. */
  readonly isRewritten?: boolean
  staged: string | null
  blockList: Uint8Array | null
  /** The removal, in the same job, of a file whose bytes are what this one is to hold. */
  movedFrom: Work | null
  /** Of the name under which a conflict's loser is kept. */
  readonly copyRow?: IndexRow | null
}

/** Of those for which nothing is staged; each batch is cleared before the next. */
const unstagedId = 'metadata'

/** What is written down before anything is done: a restart tells by it what was done, and was no edit. */
export function intentsOf(work: readonly Work[]): Intent[] {
  const intents: Intent[] = []
  const id = work.find(({ staged }) => staged !== null)?.staged ?? unstagedId
  for (const { decision, row, blockList, staged } of work) {
    const { record } = decision
    const isFileHere = row?.disk?.kind === 'file'
    const isMetadata = decision.action === 'adopt' && record.kind === 'file' && isFileHere
    const losesFile = decision.action === 'take-keeping-copy' && isFileHere
    if (staged === null && !isMetadata && !losesFile) continue
    const copy = losesFile ? { copyPath: decision.copyPath } : {}
    intents.push({ id, record, blockList, staged: staged ?? '', ...copy })
  }
  return intents
}

/** By the path of each loser, that of its copy. */
export function copiesOf(work: readonly Work[]): ReadonlyMap<RelativePath, RelativePath> {
  const copies = new Map<RelativePath, RelativePath>()
  for (const { decision } of work) {
    if (decision.action === 'take-keeping-copy') copies.set(decision.record.path, decision.copyPath)
  }
  return copies
}

export function pathsOf({ decision, movedFrom }: Work): RelativePath[] {
  const copies = decision.action === 'take-keeping-copy' ? [decision.copyPath] : []
  return [decision.record.path, ...copies, ...(movedFrom === null ? [] : [movedFrom.decision.record.path])]
}

/** The removal that belongs to a move is no change of its own. */
export function plannedChanges(work: readonly Work[]): PlannedChange[] {
  const removals = new Set(work.map((item) => item.movedFrom))
  return work.flatMap((item) => {
    if (removals.has(item)) return []
    const { decision, row, staged, movedFrom } = item
    return [{ decision, local: row, staged, movedFrom: movedFrom?.row ?? null }]
  })
}
