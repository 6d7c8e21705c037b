import {
  fingerprint,
  noFingerprint,
  type EntryKind,
  type FileRecord,
  type Fingerprint,
} from '../../src/model/file-record.ts'
import { emptyVersion, type VersionVector } from '../../src/model/version-vector.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import { decide } from '../../src/reconcile/decide.ts'
import { advanceVersion } from '../../src/vector-clock/compare-versions.ts'
import { recordOf, writerOf } from '../vector-clock/any-record.ts'

/** What a device or the network does in a world of a few devices and one path. */
export type Step =
  | {
      readonly type: 'edit'
      readonly device: number
      readonly kind: EntryKind
      readonly seed: number
      readonly time: number
    }
  | { readonly type: 'lose-index'; readonly device: number }
  | { readonly type: 'deliver'; readonly from: number; readonly to: number }

/**
 * Devices that each hold one record of the same path, and the copies that conflicts made. Not modelled: copies as files
 * that take part themselves, blocks that cannot be fetched, a disk that changes while a decision is carried out.
 */
export class World {
  readonly records: (FileRecord | null)[]
  /** By path: what each conflicted copy holds. */
  readonly copies = new Map<RelativePath, Fingerprint>()
  /** Contents that a user wrote, and those that a user who had them changed or deleted. */
  readonly written = new Set<Fingerprint>()
  readonly replaced = new Set<Fingerprint>()
  readonly #writers: WriterId[]
  readonly #past: VersionVector
  #counter: number
  #writersDrawn: number

  /** What was there before knew `past`; the devices count on from `counter`. */
  constructor(devices: number, { past = emptyVersion, counter = 0 }: { past?: VersionVector; counter?: number } = {}) {
    this.#past = past
    this.#counter = counter
    this.records = Array.from({ length: devices }, () => null)
    this.#writers = this.records.map((_, device) => writerOf(device))
    this.#writersDrawn = devices
  }

  run(steps: readonly Step[]): void {
    for (const step of steps) {
      if (step.type === 'edit') this.edit(step.device, recordOf(step.kind, step.seed, { mtimeNs: BigInt(step.time) }))
      else if (step.type === 'lose-index') this.#loseIndex(step.device)
      else this.deliver(step.from, step.to)
    }
  }

  edit(device: number, made: FileRecord): void {
    const old = this.records[device] ?? null
    if (made.kind === 'tombstone' && (old === null || old.kind === 'tombstone')) return
    if (made.kind === 'file' || made.kind === 'symlink') this.written.add(fingerprint(made))
    if (old !== null && fingerprint(old) !== fingerprint(made)) this.replaced.add(fingerprint(old))
    this.records[device] = {
      ...made,
      version: advanceVersion(old?.version ?? this.#past, this.#writers[device]!, ++this.#counter),
      writer: this.#writers[device]!,
      writerName: `device ${device}`,
      basis: old === null ? noFingerprint : fingerprint(old),
    }
  }

  /** Returns true when the record changed something at the receiver. */
  deliver(from: number, to: number): boolean {
    const remote = this.records[from] ?? null
    const local = this.records[to] ?? null
    if (remote === null || from === to) return false
    const decision = decide(local, remote)
    if (decision.action === 'nothing') return false
    if (decision.action === 'take-keeping-copy') this.#keepCopy(decision.copyPath, fingerprint(local!))
    this.records[to] = decision.record
    return true
  }

  /** Delivers everything to everybody, in rounds in an order drawn by `pick`, until nothing changes; returns the messages that did. */
  settle(pick: (below: number) => number, roundsMax: number): number {
    let changes = 0
    for (let round = 0; round < roundsMax; round++) {
      const before = changes
      for (const [from, to] of shuffledPairs(this.records.length, pick)) if (this.deliver(from, to)) changes++
      if (changes === before) return changes
    }
    throw new Error(`no rest after ${roundsMax} rounds`)
  }

  /** Written contents that are nowhere now and that nobody who had them replaced. */
  lost(): Fingerprint[] {
    const kept = new Set([
      ...this.copies.values(),
      ...this.records.flatMap((r) => (r === null ? [] : [fingerprint(r)])),
    ])
    return [...this.written].filter((content) => !kept.has(content) && !this.replaced.has(content))
  }

  #loseIndex(device: number): void {
    const old = this.records[device] ?? null
    this.#writers[device] = writerOf(this.#writersDrawn++)
    if (old === null) return
    const version = advanceVersion(emptyVersion, this.#writers[device], ++this.#counter)
    const found = {
      ...old,
      version,
      writer: this.#writers[device],
      writerName: `device ${device}`,
      basis: noFingerprint,
    }
    this.records[device] = old.kind === 'tombstone' ? null : found
  }

  #keepCopy(path: RelativePath, content: Fingerprint): void {
    const there = this.copies.get(path)
    if (there !== undefined && there !== content) throw new Error(`two contents under ${path}`)
    this.copies.set(path, content)
  }
}

function shuffledPairs(devices: number, pick: (below: number) => number): [from: number, to: number][] {
  const pairs: [number, number][] = []
  for (let from = 0; from < devices; from++) {
    for (let to = 0; to < devices; to++) if (from !== to) pairs.push([from, to])
  }
  for (let i = pairs.length - 1; i > 0; i--) {
    const j = pick(i + 1)
    ;[pairs[i], pairs[j]] = [pairs[j]!, pairs[i]!]
  }
  return pairs
}
