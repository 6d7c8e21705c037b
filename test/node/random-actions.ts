import fc from 'fast-check'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { StoreEntry } from '../../src/ports/key-value-store.ts'
import { isConflictCopyName } from '../../src/vector-clock/conflict-name.ts'
import type { ReplicaWorld, WorldDevice } from './replica-world.ts'

const paths = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/f', 'm/a', 'm/e']
const deviceCountMax = 5
/** Files of an old time, as archives and copying tools make them. */
const oldTimeMs = Date.UTC(2020, 1, 2)

export type Action =
  | { readonly type: 'write'; readonly device: number; readonly path: string; readonly how: WriteKind }
  | { readonly type: 'remove' | 'folder' | 'link' | 'chmod'; readonly device: number; readonly path: string }
  | { readonly type: 'edit copy' | 'remove copy'; readonly device: number }
  | { readonly type: 'rename'; readonly device: number; readonly path: string; readonly to: string }
  | { readonly type: 'part' | 'heal'; readonly device: number; readonly other: number }
  | { readonly type: 'restart' | 'off' | 'on' | 'deaf' | 'full'; readonly device: number }
  | { readonly type: 'lose database' | 'copy database' | 'put database back'; readonly device: number }
  | { readonly type: 'kill'; readonly device: number; readonly calls: number }
  | { readonly type: 'clock'; readonly device: number; readonly offMs: number }
  | { readonly type: 'pause'; readonly ms: number }
  | { readonly type: 'rest' }

type Operation = Exclude<Action, { path: string } | { other: number } | { type: 'pause' | 'rest' }>
type WriteKind = 'small' | 'large' | 'old' | 'save' | 'same'

const anyPath = fc.constantFrom(...paths)
const anyFolder = fc.constantFrom('d', 'd', 'd/e', 'm', 'm', 'm/e')
const anyDevice = fc.nat({ max: deviceCountMax - 1 })
const anyHow = fc.constantFrom<WriteKind>('small', 'small', 'small', 'large', 'old', 'save', 'same')
const yearMs = 365 * 24 * 60 * 60_000

function only<T extends string>(...types: T[]): fc.Arbitrary<T> {
  return fc.constantFrom(...types)
}

/** What users do, and what goes wrong on the way in any case. */
const everyday: fc.WeightedArbitrary<Action>[] = [
  { weight: 6, arbitrary: fc.record({ type: only('write'), device: anyDevice, path: anyPath, how: anyHow }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: only('remove', 'remove', 'folder', 'link', 'chmod'),
      device: anyDevice,
      path: anyPath,
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: only('edit copy', 'remove copy'), device: anyDevice }) },
  { weight: 2, arbitrary: fc.record({ type: only('rename'), device: anyDevice, path: anyPath, to: anyPath }) },
  { weight: 3, arbitrary: fc.record({ type: only('rename'), device: anyDevice, path: anyFolder, to: anyFolder }) },
  { weight: 3, arbitrary: fc.record({ type: only('part', 'heal'), device: anyDevice, other: anyDevice }) },
  { weight: 1, arbitrary: fc.record({ type: only('restart', 'off', 'on'), device: anyDevice }) },
  { weight: 3, arbitrary: fc.record({ type: only('pause'), ms: fc.constantFrom(5, 30, 30, 100, 700, 4000) }) },
  { weight: 1, arbitrary: fc.record({ type: only('rest') }) },
]

const faults: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 2,
    arbitrary: fc.record({ type: only('kill'), device: anyDevice, calls: fc.integer({ min: 1, max: 120 }) }),
  },
  { weight: 1, arbitrary: fc.record({ type: only('deaf', 'full'), device: anyDevice }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: only('clock'),
      device: anyDevice,
      offMs: fc.constantFrom(-yearMs, -5000, 0, 5000, yearMs),
    }),
  },
]

const databases: fc.WeightedArbitrary<Action>[] = [
  {
    weight: 2,
    arbitrary: fc.record({ type: only('lose database', 'copy database', 'put database back'), device: anyDevice }),
  },
]

export function anyActions(options: { faults: boolean; databases: boolean }): fc.Arbitrary<Action[]> {
  const action = fc.oneof(...everyday, ...(options.faults ? faults : []), ...(options.databases ? databases : []))
  return fc.array(action, { minLength: 4, maxLength: 40 })
}

/** Contents that users wrote and that nobody who had seen them replaced or removed. */
class Ledger {
  readonly #alive = new Set<string>()

  wrote(content: string): void {
    this.#alive.add(plain(content))
  }

  saw(content: string | undefined): void {
    if (content !== undefined) this.#alive.delete(plain(content))
  }

  lost(contents: Iterable<string>): string[] {
    const there = new Set([...contents].map(plain))
    return [...this.#alive].filter((content) => !there.has(content)).map((content) => content.slice(0, 60))
  }
}

/** Does actions in a world, and keeps the ledger. */
export class Player {
  readonly ledger = new Ledger()
  readonly #world: ReplicaWorld
  readonly #mayLink: (a: number, b: number) => boolean
  readonly #copies = new Map<WorldDevice, StoreEntry[]>()
  #count = 0

  constructor(world: ReplicaWorld, mayLink: (a: number, b: number) => boolean) {
    this.#world = world
    this.#mayLink = mayLink
    this.#partForever()
  }

  async play(action: Action): Promise<void> {
    for (const device of this.#world.devices) if (device.isDead) await device.restart()
    if (action.type === 'pause') return this.#world.clock.pass(action.ms)
    if (action.type === 'rest') return this.#restIfWhole()
    const actor = this.#device(action.device)
    if ('path' in action) {
      actor.disk.capacityBytes = 2 ** 40
      this.#edit(actor, action)
    } else if ('other' in action) this.#link(action)
    else await this.#operate(actor, action)
  }

  /** Ends every fault, and waits for rest. */
  async end(): Promise<Map<string, string>> {
    const { devices, network } = this.#world
    network.heal()
    this.#partForever()
    for (const device of devices) {
      device.disk.capacityBytes = 2 ** 40
      if (!device.isRunning) await device.restart()
      device.disk.onCall = undefined
      if (device.isDeaf) device.overflow()
      device.isDeaf = false
    }
    return this.#world.rest()
  }

  #edit(actor: WorldDevice, action: Extract<Action, { path: string }>): void {
    const tree = actor.tree()
    const { type, path: at } = action
    const old = tree.get(at)
    if (type === 'remove' && old !== undefined) {
      for (const [other, what] of tree) if (other === at || other.startsWith(`${at}/`)) this.ledger.saw(what)
      actor.remove(at)
    }
    if (type === 'chmod' && old?.startsWith('file') === true)
      actor.chmod(at, old.endsWith('executable') ? 0o644 : 0o755)
    if (type === 'rename') this.#rename(actor, tree, action)
    if (!hasRoom(tree, at)) return
    if (type === 'folder' && old === undefined) actor.makeFolder(at)
    if (type === 'link' && old?.startsWith('folder') !== true) {
      if (old !== undefined) actor.remove(at)
      this.ledger.saw(old)
      const target = `target-${this.#count++}`
      this.ledger.wrote(`symlink ${target}`)
      actor.link(at, target)
    }
    if (type === 'write' && old?.startsWith('folder') !== true) this.#write(actor, at, { old, how: action.how })
  }

  #write(actor: WorldDevice, at: string, { old, how }: { old: string | undefined; how: WriteKind }): void {
    const text = `content ${String(this.#count++).padStart(3, '0')}`
    const content = how === 'large' ? largeText(text) : how === 'same' ? 'content all' : text
    this.ledger.saw(old)
    if (how !== 'same') this.ledger.wrote(`file ${content}`)
    if (old?.startsWith('symlink') === true) actor.remove(at)
    if (how === 'save' && old !== undefined) actor.save(at, content)
    else actor.write(at, content, how === 'old' ? { mtimeMs: oldTimeMs } : {})
  }

  #onCopy(actor: WorldDevice, type: 'edit copy' | 'remove copy'): void {
    const tree = actor.tree()
    const copy = [...tree.keys()].find((at) => isConflictCopyName(at as RelativePath))
    if (copy === undefined) return
    actor.disk.capacityBytes = 2 ** 40
    if (type === 'edit copy') return this.#write(actor, copy, { old: tree.get(copy), how: 'small' })
    this.ledger.saw(tree.get(copy))
    actor.remove(copy)
  }

  #rename(actor: WorldDevice, tree: Map<string, string>, action: Extract<Action, { type: 'rename' }>): void {
    const { path: from, to } = action
    if (tree.has(from) && !tree.has(to) && hasRoom(tree, to) && !`${to}/`.startsWith(`${from}/`)) actor.rename(from, to)
  }

  #link(action: Extract<Action, { other: number }>): void {
    const { devices, network } = this.#world
    const [a, b] = [action.device % devices.length, action.other % devices.length]
    if (a === b || !this.#mayLink(a, b)) return
    if (action.type === 'part') network.partition(devices[a]!.id, devices[b]!.id)
    else network.heal(devices[a]!.id, devices[b]!.id)
  }

  async #operate(actor: WorldDevice, action: Operation): Promise<void> {
    switch (action.type) {
      case 'edit copy':
      case 'remove copy':
        return this.#onCopy(actor, action.type)
      case 'restart':
        return actor.restart()
      case 'off':
        return actor.stop()
      case 'on':
        return actor.isRunning ? undefined : actor.start()
      case 'deaf':
        actor.isDeaf = true
        return
      case 'full':
        actor.disk.capacityBytes = usedBytes(actor) + 20
        return
      case 'kill':
        if (actor.isRunning) actor.killAfter(action.calls)
        return
      case 'clock':
        actor.clockOffMs = action.offMs
        return
      case 'lose database':
        await actor.stop()
        actor.loseDatabase()
        return actor.start()
      case 'copy database': {
        // As a backup finds it: of a node that runs, or of one that was stopped.
        this.#copies.set(actor, await actor.copyDatabase())
        return undefined
      }
      case 'put database back': {
        await actor.stop()
        const copy = this.#copies.get(actor)
        if (copy !== undefined) await actor.putDatabaseBack(copy)
        return actor.start()
      }
    }
  }

  /** Rest in the middle, where nothing stands against it: what follows then begins from equal trees. */
  async #restIfWhole(): Promise<void> {
    if (this.#world.devices.every((device) => device.isRunning && !device.isDeaf)) await this.#world.clock.pass(8000)
  }

  #device(number: number): WorldDevice {
    const { devices } = this.#world
    return devices[number % devices.length]!
  }

  #partForever(): void {
    const { devices, network } = this.#world
    for (const [i, a] of devices.entries()) {
      for (const [j, b] of devices.entries()) if (i < j && !this.#mayLink(i, j)) network.partition(a.id, b.id)
    }
  }
}

function usedBytes({ disk }: WorldDevice): number {
  return 2 ** 40 - disk.quietly(() => disk.freeBytes('/'))
}

function hasRoom(tree: ReadonlyMap<string, string>, at: string): boolean {
  const segments = at.split('/')
  const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
  return parents.every((parent) => (tree.get(parent) ?? 'folder').startsWith('folder'))
}

function plain(what: string): string {
  return what.replace(/ executable$/, '')
}

/** Falls into many blocks, most of which another large text has too. */
function largeText(text: string): string {
  const lines = Array.from({ length: 6000 }, (_, i) => `line ${i} ${(i * 2654435761) % 4294967296}`)
  lines[3000] = text
  return lines.join('\n')
}
