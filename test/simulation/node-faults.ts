import { DiskError } from '../../src/disk/disk-error.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { WorldDevice } from '../node/world-device.ts'
import { changingCalls } from '../twins/changing-calls.ts'
import type { OrderedStore } from '../twins/ordered-store.ts'
import type { SeededRandom } from '../twins/seeded-random.ts'
import type { LateSaves } from './late-saves.ts'
import { root } from './paths.ts'

/** What is about to go wrong with one device, counted in the calls that its engine makes. */
export class NodeFaults {
  /** What was changed outside of the folder; never anything. */
  readonly escapes: string[] = []
  /** How often the system has started anew. */
  boots = 0
  readonly #device: WorldDevice
  readonly #random: SeededRandom
  readonly #lateSaves: LateSaves | null
  #store: OrderedStore
  #killIn = 0
  #cutsPower = false
  #errors: { code: string; calls: number; count: number } | null = null
  #editIn = 0
  #edit: () => void = () => undefined

  constructor(device: WorldDevice, deps: NodeFaultsDeps) {
    this.#device = device
    this.#store = deps.store
    this.#random = deps.random
    this.#lateSaves = deps.lateSaves
  }

  /** The process begins with none. */
  arm(store: OrderedStore, onCall: (what: string) => void = () => undefined): void {
    this.#store = store
    this.#killIn = 0
    this.#device.disk.onCall = (operation, path) => {
      onCall(`disk ${operation} ${path}`)
      this.#called()
      this.#diskCalled(operation, path)
    }
    store.onCall = (operation) => {
      onCall(`store ${operation}`)
      this.#called()
    }
  }

  kill({ calls, cutsPower }: { calls: number; cutsPower: boolean }): void {
    this.#killIn = calls
    this.#cutsPower = cutsPower
  }

  failDisk(errors: { code: string; calls: number; count: number }): void {
    this.#errors = { ...errors }
  }

  /** Does `edit` right before so many of the calls that change the folder. */
  editIn(calls: number, edit: () => void): void {
    this.#editIn = calls
    this.#edit = edit
  }

  clear(): void {
    this.#killIn = 0
    this.#errors = null
    this.#editIn = 0
  }

  /** A frame was sent. */
  sent(): void {
    if (this.#killIn > 0 && --this.#killIn === 0) this.#die()
  }

  #called(): void {
    if (this.#killIn > 0 && --this.#killIn === 0) this.#die()
    if (this.#device.isDead) throw new DiskError('EIO', 'the process is dead')
  }

  #die(): void {
    const { disk } = this.#device
    this.#device.die()
    if (!this.#cutsPower) return
    this.boots++
    // A journal commits names in their order; which of the bytes had come to the disk by then nobody knows.
    const keepsNames = this.#random.fraction() < 0.5
    const isFolder = (path: string): boolean => path === '' || disk.lstat(path)?.kind === 'folder'
    const late = this.#lateSaves
    const keepsBytes = (path: string): boolean => late?.survives(disk, path) ?? this.#random.fraction() < 0.5
    const crash = (): void => {
      disk.quietly(() => disk.crash((path) => (isFolder(path) ? keepsNames : keepsBytes(path))))
    }
    if (late === null) crash()
    else late.cut(this.#device, crash)
    this.#store.cutPower(this.#random.fraction())
  }

  /** Between the last look and a rename that replaces or moves nothing can be seen: src/apply/place.ts says so. */
  #replaces(operation: keyof Disk, path: string): boolean {
    return operation === 'rename' && !path.startsWith(`${root}/.p2psync/`)
  }

  #diskCalled(operation: keyof Disk, path: string): void {
    if (changing.has(operation)) {
      if (path !== root && !path.startsWith(`${root}/`)) this.escapes.push(`${operation} ${path}`)
      const isInside = !path.startsWith(`${root}/.p2psync/staging/`)
      if (isInside && this.#editIn > 0 && !this.#replaces(operation, path) && --this.#editIn === 0) this.#edit()
    }
    const errors = this.#errors
    // A file whose closing fails is closed.
    if (errors === null || operation === 'close' || --errors.calls > 0) return
    if (--errors.count <= 0) this.#errors = null
    throw new DiskError(errors.code, path)
  }
}

interface NodeFaultsDeps {
  readonly store: OrderedStore
  readonly random: SeededRandom
  /** Null where all that users save is durable at once. */
  readonly lateSaves: LateSaves | null
}

const changing: ReadonlySet<keyof Disk> = new Set(changingCalls)
