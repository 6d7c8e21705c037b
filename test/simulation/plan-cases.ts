import { planSteps, type ChangeSteps, type PlannedChange } from '../../src/apply/plan-steps.ts'
import { hashBlock } from '../../src/blocks/hash.ts'
import type { IndexRow } from '../../src/file-index/folder-index.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { fingerprint, noFingerprint, type EntryKind, type FileRecord } from '../../src/model/file-record.ts'
import { parentPath, parseRelativePath } from '../../src/model/relative-path.ts'
import { makeWriterId } from '../../src/model/writer-id.ts'
import type { Work } from '../../src/node/work.ts'
import type { Need } from '../../src/node/need.ts'
import { pairMoves } from '../../src/node/pair-moves.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { ModelFolder } from './model-folder.ts'

/**
 * Two random trees, and the plan that makes the one the other. Null, or what does not hold: each step finds what it needs,
 * the end is the other tree with the copies of what lost, nothing is gone that is not in history, and the order of the
 * decisions does not matter. No I/O: some ten thousand a second can be tried.
 */
export function planProblem(seed: number): string | null {
  const random = new SeededRandom(seed)
  const [local, remote] = [anyTree(random, 'local'), anyTree(random, 'remote')]
  const work = decisionsBetween(local, remote, random)
  pairMoves(work)
  const changes = plannedChanges(work)
  const planned = planSteps(changes)
  const shuffled = planSteps(inAnyOrder(changes, random))
  if (order(planned) !== order(shuffled)) return 'the order of the steps depends on that of the decisions'
  const staged = new Map(work.map((item) => [item.staged ?? '', fingerprint(item.decision.record)]))
  const folder = new ModelFolder([...local.values()], staged)
  for (const step of planned.flatMap(({ steps }) => steps)) {
    const problem = folder.apply(step)
    if (problem !== null) return `${step.type} ${step.path}: ${problem}`
  }
  return endProblem(folder, { local, remote, work })
}

type Tree = ReadonlyMap<string, IndexRow>

/** So few that one stands where the other has something else. */
const paths = ['a', 'b', 'd', 'd/a', 'd/e', 'd/e/f', 'm', 'm/a', 'm/e'].map((text) => parseRelativePath(text))
const contents = [1, 2, 3].map((i) => hashBlock(Uint8Array.of(i)))
const writer = makeWriterId(new Uint8Array(8).fill(1), new Uint8Array(8).fill(7))

function anyTree(random: SeededRandom, writerName: string): Tree {
  const tree = new Map<string, IndexRow>()
  const below = (end: number): number => Math.floor(random.fraction() * end)
  for (const path of paths) {
    const parent = parentPath(path)
    const canBe = parent === null || tree.get(parent)?.record.kind === 'folder'
    if (!canBe || below(3) === 0) continue
    const hasChildren = paths.some((other) => parentPath(other) === path)
    const kinds: readonly EntryKind[] = hasChildren
      ? ['folder', 'folder', 'file', 'symlink']
      : ['file', 'file', 'symlink', 'folder']
    const record = recordOf(path, { kind: kinds[below(4)]!, choice: below(3), writerName })
    tree.set(path, { record, disk: stateOf(record, { inode: BigInt(tree.size + 1), mode: 0o644 }), seq: 1 })
  }
  return tree
}

function recordOf(
  path: FileRecord['path'],
  parts: { kind: EntryKind; choice: number; writerName: string },
): FileRecord {
  const { kind, choice, writerName } = parts
  return {
    path,
    kind,
    sizeBytes: kind === 'file' ? 1 : 0,
    mtimeNs: BigInt(choice) * 1_000_000_000n,
    executable: false,
    linkTarget: kind === 'symlink' ? `target-${choice}` : '',
    content: kind === 'file' ? contents[choice]! : '',
    version: [[writer, 1]],
    writer,
    writerName,
    basis: noFingerprint,
  }
}

function stateOf(
  { kind, sizeBytes, mtimeNs }: FileRecord,
  { inode, mode }: { inode: bigint; mode: number },
): DiskState {
  return { kind: kind === 'tombstone' ? 'file' : kind, sizeBytes, mtimeNs, ctimeNs: inode, inode, mode }
}

/** For each path at which they differ: the remote one is taken, and some of what was here is kept as a copy. */
function decisionsBetween(local: Tree, remote: Tree, random: SeededRandom): Work[] {
  const work: Work[] = []
  for (const path of paths) {
    const [row, there] = [local.get(path) ?? null, remote.get(path) ?? null]
    if (row === null && there === null) continue
    const record = there?.record ?? recordOf(path, { kind: 'tombstone', choice: 0, writerName: 'remote' })
    if (row !== null && fingerprint(row.record) === fingerprint(record)) continue
    const mayLose = row !== null && row.record.kind !== 'folder' && there !== null
    const keeps = mayLose && random.fraction() < 0.3
    const decision = keeps
      ? ({ action: 'take-keeping-copy', record, copyPath: parseRelativePath(`${path} copy`) } as const)
      : ({ action: 'take', record } as const)
    const staged = record.kind === 'file' ? `staged-${path}` : null
    // Only the record is asked for.
    const need = { record } as unknown as Need
    work.push({ need, decision, row, staged, blockList: null, movedFrom: null })
  }
  return work
}

function plannedChanges(work: readonly Work[]): PlannedChange[] {
  const moved = new Set(work.map(({ movedFrom }) => movedFrom))
  const own = work.filter((item) => !moved.has(item))
  return own.map(({ decision, row, staged, movedFrom }) => ({
    decision,
    local: row,
    staged,
    movedFrom: movedFrom?.row ?? null,
  }))
}

function inAnyOrder<Item>(items: readonly Item[], random: SeededRandom): Item[] {
  const keys = new Map(items.map((item) => [item, random.fraction()]))
  return items.toSorted((a, b) => keys.get(a)! - keys.get(b)!)
}

function order(planned: readonly ChangeSteps[]): string {
  return planned.flatMap(({ steps }) => steps.map(({ type, path }) => `${type} ${path}`)).join('\n')
}

function endProblem(
  folder: ModelFolder,
  { local, remote, work }: { local: Tree; remote: Tree; work: readonly Work[] },
): string | null {
  const expected = new Map([...remote].map(([path, { record }]) => [path, fingerprint(record)]))
  for (const { decision, row } of work) {
    if (decision.action === 'take-keeping-copy') expected.set(decision.copyPath, fingerprint(row!.record))
  }
  const found = folder.fingerprints()
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    if (expected.get(path) !== found.get(path)) return `${path} is ${found.get(path)}, not ${expected.get(path)}`
  }
  const kept = new Set([...found.values(), ...folder.history])
  const lost = [...local.values()].find(({ record }) => record.kind !== 'folder' && !kept.has(fingerprint(record)))
  return lost === undefined ? null : `${lost.record.path} is gone, and is not in history`
}
