import { SeededRandom } from '../twins/seeded-random.ts'
import type { Operation, Profile, Schedule, Topology, WriteKind } from './schedule.ts'

/** Some differ in case only, and two in Unicode form only. */
const paths = [
  'a',
  'a',
  'b',
  'A',
  'd',
  'd/a',
  'd/a',
  'd/b',
  'd/e',
  'd/e/f',
  'm/a',
  'm/e',
  'D/a',
  'caf\u00e9',
  'cafe\u0301',
] as const
const folders = ['d', 'd', 'd', 'd/e', 'd/e', 'm', 'm', 'm', 'm/e', 'D', 'caf\u00e9', 'cafe\u0301'] as const
const largePaths = ['big', 'd/big'] as const
const writeKinds: readonly WriteKind[] = ['small', 'small', 'small', 'empty', 'old', 'save', 'save', 'same']
const yearMs = 365 * 24 * 60 * 60_000

/** The schedule of a seed: few paths and few devices, so that what happens meets. */
export function makeSchedule(seed: number, profile: Profile): Schedule {
  const draw = new Draw(seed)
  // A large file on a slow link: what changes while it travels is rare otherwise.
  const hasLarge = draw.fraction() < 0.12
  // What takes many steps to come about.
  const isLong = draw.fraction() < 0.05
  const kinds = [
    ...everyday,
    ...(hasLarge ? [...large, ...large, ...large] : []),
    ...(profile === 'everyday' ? [] : faults),
    ...(profile === 'databases' ? databases : damage),
    ...(profile === 'guard' ? guard : []),
    ...(profile === 'taken' ? taken : []),
  ]
  const length = isLong ? draw.between(30, 60) : draw.between(4, 14)
  const operations = Array.from({ length }, () => draw.of(kinds)(draw))
  const schedule = {
    profile,
    seed,
    nodes: draw.of(nodesOf[profile]),
    topology: draw.of<Topology>(['complete', 'complete', 'line', 'star', 'ring']),
    delayMsMax: draw.of([0, 0, 20, 200]),
    bytesPerSecond: hasLarge ? draw.of([20_000, 60_000, 200_000]) : draw.of([0, 0, 0, 2000]),
    operations: profile === 'guard' ? [...filled(draw), ...operations] : operations,
  }
  const loss = profile === 'everyday' ? 0 : draw.of([0, 0, 0, 0, 0.02, 0.1, 0.3])
  return { ...schedule, loss, operations: withMapped(schedule.operations, draw) }
}

/**
 * Drawn last, so that a seed has the operations that it always had. After a power cut such bytes are held to be damaged, and a
 * database that is put back knows nothing of them.
 */
function withMapped(operations: readonly Operation[], draw: Draw): readonly Operation[] {
  const isOften = draw.fraction() < 0.3
  if (!isOften || operations.some(({ type }) => neverMapped.has(type))) return operations
  return operations.flatMap((operation): Operation[] => {
    if (operation.type !== 'write' || draw.fraction() < 0.4) return [operation]
    const { node, path } = operation
    const pause: Operation = { type: 'pause', ms: draw.of([5, 60, 60, 700, 700, 4000, 25_000]) }
    const mapped: Operation = { type: 'mapped', node, path }
    return draw.fraction() < 0.2 ? [operation, pause, mapped, pause, mapped] : [operation, pause, mapped]
  })
}

const neverMapped: ReadonlySet<string> = new Set<Operation['type']>([
  'cut-power',
  'cut-power-start',
  'put-database-back',
])

const nodesOf: Readonly<Record<Profile, readonly number[]>> = {
  everyday: [2, 2, 2, 3, 4, 5],
  pair: [2],
  faults: [3, 3, 3, 4, 5],
  databases: [3, 3, 3, 4, 5],
  guard: [3, 3, 3, 4, 5],
  taken: [2, 3, 3, 4],
}

class Draw {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed ^ 0x51f15e)
  }

  fraction(): number {
    return this.#random.fraction()
  }

  of<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random.fraction() * items.length)]!
  }

  /** Both are possible. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#random.fraction() * (max - min + 1))
  }

  get node(): number {
    return this.between(0, 4)
  }
}

type Maker = (draw: Draw) => Operation

function often(times: number, make: Maker): Maker[] {
  return Array.from({ length: times }, () => make)
}

const everyday: readonly Maker[] = [
  ...often(6, (draw) => ({ type: 'write', node: draw.node, path: draw.of(paths), how: draw.of(writeKinds) })),
  ...often(3, (draw) => ({
    type: draw.of(['remove', 'remove', 'folder', 'link', 'chmod']),
    node: draw.node,
    path: draw.of(paths),
  })),
  ...often(2, (draw) => ({ type: 'restore', node: draw.node, path: draw.of(paths), back: draw.between(0, 2) })),
  ...often(1, (draw) => ({ type: draw.of(['edit-copy', 'remove-copy']), node: draw.node })),
  ...often(2, (draw) => ({ type: 'rename', node: draw.node, path: draw.of(paths), to: draw.of(paths) })),
  ...often(3, (draw) => ({ type: 'rename', node: draw.node, path: draw.of(folders), to: draw.of(folders) })),
  ...often(1, (draw) => ({ type: 'copy', node: draw.node, path: draw.of(folders), to: draw.of(folders) })),
  ...often(3, (draw) => ({ type: draw.of(['part', 'heal']), node: draw.node, other: draw.node })),
  ...often(1, (draw) => ({
    type: draw.of(['restart', 'off', 'on', 'pause-folder', 'resume-folder']),
    node: draw.node,
  })),
  ...often(3, (draw) => ({ type: 'pause', ms: draw.of([5, 30, 30, 100, 700, 4000]) })),
  () => ({ type: 'quiet' }),
]

const large: readonly Maker[] = [
  (draw) => ({ type: 'write', node: draw.node, path: draw.of(largePaths), how: 'large' }),
  (draw) => ({ type: draw.of(['grow', 'change']), node: draw.node, path: draw.of(largePaths) }),
  (draw) => ({ type: 'grow', node: draw.node, path: 'big' }),
  (draw) => ({ type: 'limit', node: draw.node, bytesPerSecond: draw.of([0, 5000, 50_000]) }),
  (draw) => ({ type: 'pause', ms: draw.of([300, 1000, 3000, 6000]) }),
]

const faults: readonly Maker[] = [
  ...often(3, (draw) => ({ type: draw.of(['kill', 'cut-power']), node: draw.node, calls: draw.between(1, 150) })),
  (draw) => ({ type: 'drop', node: draw.node, other: draw.node, frames: draw.between(1, 12) }),
  (draw) => ({ type: 'stall', node: draw.node, other: draw.node, ms: draw.of([50, 500, 5000, 40_000]) }),
  (draw) => ({ type: 'slow', node: draw.node, ms: draw.of([10, 300, 3000]) }),
  (draw) => ({ type: draw.of(['kill-start', 'cut-power-start']), node: draw.node, calls: draw.between(1, 40) }),
  (draw) => ({ type: 'die', node: draw.node, calls: draw.between(1, 150) }),
  (draw) => ({ type: draw.of(['unmount', 'mount']), node: draw.node }),
  (draw) => ({ type: draw.of(['deaf', 'overflow', 'full']), node: draw.node }),
  (draw) => ({
    type: 'disk-error',
    node: draw.node,
    code: draw.of(['EIO', 'ENOSPC', 'EMFILE']),
    calls: draw.between(1, 80),
    count: draw.of([1, 1, 3, 30]),
  }),
  ...often(2, (draw) => ({
    type: 'edit-in-apply',
    node: draw.node,
    path: draw.of(paths),
    calls: draw.between(1, 6),
  })),
  (draw) => ({ type: 'clock', node: draw.node, offMs: draw.of([-yearMs, -5000, 0, 5000, yearMs]) }),
]

/** Where the index of before is still there: else damage is what was found. */
const damage: readonly Maker[] = [
  ...often(2, (draw) => ({ type: 'rot', node: draw.node, path: draw.of(paths) })),
  (draw) => ({ type: 'scrub', node: draw.node }),
]

const guard: readonly Maker[] = [
  ...often(8, (draw) => ({ type: 'mass', node: draw.node, how: draw.of(['remove', 'rewrite', 'empty']) })),
  ...often(3, (draw) => ({
    type: 'program',
    node: draw.node,
    how: draw.of(['remove', 'remove', 'rewrite']),
    ms: draw.of([20, 120, 180]),
  })),
  ...often(3, (draw) => ({ type: 'decide', node: draw.node, how: draw.of(['approve', 'reject']) })),
  ...often(2, (draw) => ({ type: 'rename', node: draw.node, path: 'g', to: draw.of(['m', 'd', 'D']) })),
  ...often(4, (draw) => ({ type: 'pause', ms: draw.of([100, 1000, 4000]) })),
]

const taken: readonly Maker[] = [
  ...often(10, (draw) => ({
    type: 'take',
    node: draw.node,
    path: draw.of([...paths, ...folders]),
    how: draw.of(['fifo', 'link']),
  })),
  ...often(4, (draw) => ({ type: 'remove', node: draw.node, path: draw.of(paths) })),
]

/** Fewer files than twenty never wait for a person. */
function filled(draw: Draw): Operation[] {
  const fill: Operation = { type: 'fill', node: draw.node, files: 30 }
  return draw.fraction() < 0.8 ? [fill, { type: 'quiet' }] : [fill]
}

const databases: readonly Maker[] = often(4, (draw) => ({
  type: draw.of(['lose-database', 'copy-database', 'put-database-back']),
  node: draw.node,
}))
