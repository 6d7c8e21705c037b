import type { ReplicaWorld, WorldDevice } from '../node/replica-world.ts'
import type { MemoryDisk } from '../twins/memory-disk.ts'
import type { Ledger } from './ledger.ts'
import type { Operation } from './schedule.ts'
import type { SimulatedNode } from './simulated-node.ts'

/** A kernel commits the journal so often, and has written out all bytes after six times as long. */
const journalMs = 5000
const commitsPerFlush = 6

/** Disks on which what users save is durable only after a while, and what power cuts take of it. */
export class LateSaves {
  readonly #world: ReplicaWorld
  readonly #ledger: Ledger
  /** What a power cut has taken by its name alone, while all others had it: nobody has removed it. */
  readonly #taken = new Set<string>()
  /** By device and path: what a power cut has left there, and what was there before. */
  readonly #torn = new Map<WorldDevice, Map<string, { readonly left: string; readonly was: string }>>()
  readonly #stopping = new AbortController()

  constructor(world: ReplicaWorld, ledger: Ledger) {
    this.#world = world
    this.#ledger = ledger
  }

  /** Writes out, as kernels do, until it is stopped. */
  async run(nodes: readonly SimulatedNode[]): Promise<void> {
    const { signal } = this.#stopping
    const clock = this.#world.clock.view()
    for (let commits = 1; ; commits++) {
      await clock.sleep(journalMs, signal).catch(() => undefined)
      if (signal.aborted) return
      for (const node of nodes) {
        const { disk } = node.device
        if (commits % commitsPerFlush > 0) disk.syncNames()
        else {
          disk.quietly(() => disk.syncFileSystem('/'))
          node.makeDatabaseDurable()
        }
      }
    }
  }

  stop(): void {
    this.#stopping.abort()
  }

  /**
   * The power of a device is gone. Nobody can bring back what only it had; what another device has is owed as before. What
   * comes back or is left in pieces may be seen from now on.
   */
  cut(device: WorldDevice, crash: () => void): void {
    const [before, treeBefore] = [filesOf(device, { history: true }), device.tree()]
    crash()
    const after = filesOf(device, { history: true })
    const stays = new Set(after.values())
    const others = this.#world.devices.filter((other) => other !== device)
    const elsewhere = new Set(others.flatMap((other) => Array.from(filesOf(other).values())))
    for (const what of before.values()) if (!stays.has(what) && !elsewhere.has(what)) this.#ledger.mayBeGone(what)
    for (const [path, what] of after) if (before.get(path) !== what) this.#ledger.mayBeThere(what)
    for (const what of [...elsewhere, ...filesOf(device).values()]) this.#ledger.isThere(what)
    this.#noteTorn(device, treeBefore)
    this.#noteTaken(device, treeBefore)
  }

  #noteTorn(device: WorldDevice, before: ReadonlyMap<string, string>): void {
    const torn = this.#torn.get(device) ?? new Map<string, { left: string; was: string }>()
    this.#torn.set(device, torn)
    for (const [path, left] of device.tree()) {
      const was = before.get(path)
      if (was !== undefined && was !== left) torn.set(path, { left, was })
    }
  }

  #noteTaken(device: WorldDevice, before: ReadonlyMap<string, string>): void {
    const after = device.tree()
    const trees = this.#world.devices.filter((other) => other !== device).map((other) => other.tree())
    for (const path of this.#taken) if (!trees.some((tree) => tree.has(path))) this.#taken.delete(path)
    for (const [path, what] of before)
      if (!after.has(path) && trees.every((tree) => tree.get(path) === what)) this.#taken.add(path)
  }

  /**
   * Somebody replaces or removes what a power cut has left. To the device that is an edit of what was there: it was on this
   * disk, and who puts it back from a backup does the same.
   */
  replaced(device: WorldDevice, path: string, what: string): void {
    const torn = this.#torn.get(device)?.get(path)
    if (torn?.left === what) this.#ledger.saw(torn.was)
  }

  /** True when something that a power cut has left is there, or below. */
  isAt(device: WorldDevice, path: string): boolean {
    const tree = device.tree()
    return Array.from(this.#torn.get(device) ?? []).some(
      ([other, { left }]) => `${other}/`.startsWith(`${path}/`) && tree.get(other) === left,
    )
  }

  /** Somebody may want it gone from now on. */
  onOperation(operation: Operation): void {
    if (anywhere.has(operation.type)) this.#taken.clear()
    if (!('path' in operation)) return
    const touched = 'to' in operation ? [operation.path, operation.to] : [operation.path]
    const isTouched = (path: string): boolean =>
      touched.some((other) => `${path}/`.startsWith(`${other}/`) || `${other}/`.startsWith(`${path}/`))
    for (const path of this.#taken) if (isTouched(path)) this.#taken.delete(path)
  }

  /** What was published as removed because a power cut has taken it. */
  publishedAsRemoved(): readonly string[] {
    const tree = this.#world.devices[0]!.tree()
    const missing = [...this.#taken].filter((path) => !tree.has(path))
    this.#taken.clear()
    return missing
  }

  /** What is left of a file that was not written out: all, what was there before, or its first bytes with its new times. */
  survives(disk: MemoryDisk, path: string): boolean {
    const { random } = this.#world
    const fate = random.fraction()
    if (fate < 0.4) return true
    if (fate < 0.7) return false
    const inode = disk.inodeOf(path)
    // What has been written out stays as it is: only its times and its mode are new.
    if (inode.durable !== null && Buffer.compare(inode.durable.bytes, inode.bytes) === 0) return true
    const share = random.fraction()
    inode.bytes = inode.bytes.slice(0, share < 0.6 ? 0 : Math.floor(inode.bytes.length * share))
    return true
  }
}

const anywhere: ReadonlySet<string> = new Set<Operation['type']>([
  'mass',
  'program',
  'fill',
  'decide',
  'edit-copy',
  'remove-copy',
] as const)

/** What lies on its disk for a user, wherever that is mounted. */
function filesOf({ disk }: WorldDevice, { history = false } = {}): ReadonlyMap<string, string> {
  const isTheirs = (path: string): boolean =>
    !path.includes('/.p2psync/') || (history && path.includes('/.p2psync/history/'))
  const files = new Map<string, string>()
  for (const [path, { kind, content, target }] of disk.tree('/'))
    if (kind !== 'folder' && isTheirs(path)) files.set(path, `${kind} ${content}${target}`)
  return files
}
