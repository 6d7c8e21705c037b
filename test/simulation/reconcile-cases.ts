import { hashBlock } from '../../src/blocks/hash.ts'
import { fingerprint, noFingerprint, type EntryKind, type FileRecord } from '../../src/model/file-record.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import { makeWriterId } from '../../src/model/writer-id.ts'
import { decide, type Decision } from '../../src/reconcile/decide.ts'
import { compareVersions, joinVersions } from '../../src/vector-clock/compare-versions.ts'
import { compareRecords } from '../../src/vector-clock/order-records.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

/**
 * Three random records of one path, and what must hold of deciding between them whatever they are. Null, or what does
 * not hold. No I/O: some hundred thousand a second can be tried.
 */
export function reconcileProblem(seed: number): string | null {
  const random = new SeededRandom(seed)
  const [a, b, c] = [anyRecord(random), anyRecord(random), anyRecord(random)]
  return orderProblem(a, b, c) ?? versionProblem(a.version, b.version, c.version) ?? pairProblem(a, b)
}

/** The order that names a conflict's winner is total, tombstones included. */
function orderProblem(a: FileRecord, b: FileRecord, c: FileRecord): string | null {
  const ab = Math.sign(compareRecords(a, b))
  if (ab !== -Math.sign(compareRecords(b, a))) return 'the order of two records depends on who asks'
  if (compareRecords(a, a) !== 0) return 'a record is not equal to itself'
  if (ab >= 0 && compareRecords(b, c) >= 0 && compareRecords(a, c) < 0) return 'the order of records is not transitive'
  return null
}

function versionProblem(a: VersionVector, b: VersionVector, c: VersionVector): string | null {
  const same = (one: VersionVector, other: VersionVector): boolean => compareVersions(one, other) === 'equal'
  if (!same(joinVersions(a, b), joinVersions(b, a))) return 'joining is not commutative'
  if (!same(joinVersions(a, joinVersions(b, c)), joinVersions(joinVersions(a, b), c)))
    return 'joining is not associative'
  if (!same(joinVersions(a, a), a)) return 'joining is not idempotent'
  const mirrored = { before: 'after', after: 'before', equal: 'equal', concurrent: 'concurrent' }
  if (mirrored[compareVersions(a, b)] !== compareVersions(b, a)) return 'two versions stand otherwise for each side'
  const joined = joinVersions(a, b)
  if (!['equal', 'after'].includes(compareVersions(joined, a))) return 'a joined version knows less'
  return null
}

/** One side acts, or both end alike; it raises the record; and then nobody has anything left to do. */
function pairProblem(a: FileRecord, b: FileRecord): string | null {
  const [here, there] = [decide(a, b), decide(b, a)]
  const [inA, inB] = [after(a, here), after(b, there)]
  for (const [record, decision] of [
    [a, here],
    [b, there],
  ] as const) {
    if (decision.action === 'nothing') continue
    const step = compareVersions(decision.record.version, record.version)
    const isRaised = step === 'after' || (step === 'equal' && compareRecords(decision.record, record) > 0)
    if (!isRaised) return `${decision.action} does not raise the record`
  }
  if (here.action === 'take-keeping-copy' && there.action === 'take-keeping-copy') return 'both sides make a copy'
  const [endA, endB] = [after(inA, decide(inA, inB)), after(inB, decide(inB, inA))]
  if (compareRecords(endA, endB) !== 0 || compareVersions(endA.version, endB.version) !== 'equal')
    return 'two exchanges do not end alike'
  if (decide(endA, endB).action !== 'nothing') return 'something is left to do'
  return lossProblem(a, b, { here, there, end: endA })
}

/** What a person wrote and the other did not know of is there in the end, or is kept as a copy. */
function lossProblem(
  a: FileRecord,
  b: FileRecord,
  { here, there, end }: { here: Decision; there: Decision; end: FileRecord },
): string | null {
  if (compareVersions(a.version, b.version) !== 'concurrent') return null
  for (const [record, other, decision] of [
    [a, b, here],
    [b, a, there],
  ] as const) {
    if (record.kind !== 'file' && record.kind !== 'symlink') continue
    const isThere = fingerprint(end) === fingerprint(record) || decision.action === 'take-keeping-copy'
    if (!isThere && other.basis !== fingerprint(record)) return `${record.kind} is lost to a ${other.kind}`
  }
  return null
}

function after(local: FileRecord, decision: Decision): FileRecord {
  return decision.action === 'nothing' ? local : decision.record
}

const kinds: readonly EntryKind[] = ['file', 'file', 'symlink', 'folder', 'tombstone']
const path = parseRelativePath('a.txt')
const writers = [0, 1, 2].map((i) => makeWriterId(new Uint8Array(8).fill(i + 1), new Uint8Array(8).fill(7)))
const contents = [1, 2, 3].map((i) => hashBlock(Uint8Array.of(i)))

/** From a small world, so that equal fields are frequent. */
function anyRecord(random: SeededRandom): FileRecord {
  const below = (end: number): number => Math.floor(random.fraction() * end)
  const kind = kinds[below(kinds.length)]!
  const seed = below(3)
  const version = writers.map((writer) => [writer, below(3)] as const).filter(([, counter]) => counter > 0)
  const record: FileRecord = {
    path,
    kind,
    sizeBytes: kind === 'file' ? 1 : 0,
    mtimeNs: [0n, 5n, 1_700_000_000_000_000_000n][below(3)]!,
    executable: kind === 'file' && below(4) === 0,
    linkTarget: kind === 'symlink' ? `target-${seed}` : '',
    content: kind === 'file' ? contents[seed]! : '',
    version: version.length === 0 ? [[writers[0]!, 1]] : version,
    writer: writers[below(2)]!,
    writerName: ['desk', 'lap'][below(2)]!,
    basis: noFingerprint,
  }
  if (below(2) === 0) return record
  const earlier: FileRecord = { ...record, kind: 'file', sizeBytes: 1, linkTarget: '', content: contents[below(3)]! }
  return { ...record, basis: fingerprint(earlier) }
}
