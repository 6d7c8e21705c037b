import type { WatchedFolder } from './folder-tree.ts'
import type { FolderPart } from './watched-disk.ts'

/** A folder to be watched and then listed; done again when it was before. */
export interface WatchJob {
  readonly folder: WatchedFolder
  /** What it belongs to, if anything. */
  readonly addition: Addition | null
  /** Folders below it that are known already are done too. */
  readonly isDeep: boolean
}

/** A tree that is being added: once no job of it is open, all of it is watched. */
export interface Addition {
  readonly top: WatchedFolder
  openCount: number
}

/** What is done in each step; `WatchWork` only says when. */
export interface WatchWorkHost {
  /** Watches a job's folder. @returns its absolute path, or null when there is nothing to list. */
  begin(job: WatchJob): string | null
  readFolder(path: string): Generator<FolderPart>
  /** Some folders in the job's folder. */
  onFolders(job: WatchJob, names: readonly string[]): void
  /** All of them; called only when the job's folder had children before. */
  onListed(job: WatchJob, names: ReadonlySet<string>): void
  onComplete(top: WatchedFolder): void
  /** A folder left the tree two turns ago. @returns what is to follow it. */
  onLeft(folder: WatchedFolder): readonly WatchedFolder[]
  /** All events that the kernel had for us were taken. */
  onTurnEnd(): void
  onError(error: unknown, folder: WatchedFolder): void
}

/**
 * The queue of what a watcher has to do beside its events, in slices of about 10 ms. Between two of them the event loop takes
 * what the kernel has queued: a slice must be over long before that queue is full.
 */
export class WatchWork {
  readonly #host: WatchWorkHost
  readonly #jobs: WatchJob[] = []
  #listing: Listing | null = null
  /** Left in this turn, and before. */
  #left: WatchedFolder[] = []
  readonly #leaving: WatchedFolder[] = []
  #isStale = false
  #doingAll: Promise<void> | null = null
  #isScheduled = false
  #isStopped = false
  readonly #waiting: (() => void)[] = []

  constructor(host: WatchWorkHost) {
    this.#host = host
  }

  add(job: WatchJob): void {
    this.#jobs.push(job)
    if (job.addition !== null) job.addition.openCount++
    this.wake()
  }

  /** A new folder and all below it, as part of an addition or as one of its own. */
  addTree(folder: WatchedFolder, addition: Addition | null = null): void {
    this.add({ folder, addition: addition ?? { top: folder, openCount: 0 }, isDeep: false })
  }

  /** Does the root and all that is known below it; once more when it is asked for meanwhile. */
  async doAll(root: () => WatchedFolder): Promise<void> {
    this.#isStale = true
    this.#doingAll ??= this.#doAllNow(root).finally(() => {
      this.#doingAll = null
    })
    await this.#doingAll
  }

  /** Taken out of the tree; it has two turns to turn up elsewhere. */
  addLeft(folder: WatchedFolder): void {
    this.#left.push(folder)
    this.wake()
  }

  /** Makes sure that this turn has an end. */
  wake(): void {
    if (this.#isScheduled || this.#isStopped) return
    this.#isScheduled = true
    setImmediate(() => this.#slice())
  }

  /** Resolves when every job is done, or when the work was stopped. */
  async idle(): Promise<void> {
    while (!this.#isStopped && this.#hasJobs()) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** What left and was not told yet. */
  takeLeft(): WatchedFolder[] {
    return [...this.#left.splice(0), ...this.#leaving.splice(0)]
  }

  stop(): void {
    this.#isStopped = true
    this.#closeListing()
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  async #doAllNow(root: () => WatchedFolder): Promise<void> {
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false
      this.add({ folder: root(), addition: null, isDeep: true })
      await this.idle()
    }
  }

  #hasJobs(): boolean {
    return this.#jobs.length > 0 || this.#listing !== null
  }

  #slice(): void {
    this.#isScheduled = false
    if (this.#isStopped) return
    let cost = 0
    while (cost < sliceCostMax && this.#hasJobs()) cost += this.#step()
    this.#host.onTurnEnd()
    for (let folder = this.#nextLeaving(cost); folder !== undefined; folder = this.#nextLeaving(cost)) {
      cost += folderCost
      for (const below of this.#host.onLeft(folder)) this.#leaving.push(below)
    }
    for (const folder of this.#left) this.#leaving.push(folder)
    this.#left = []
    if (!this.#hasJobs()) for (const resolve of this.#waiting.splice(0)) resolve()
    if (this.#hasJobs() || this.#leaving.length > 0) this.wake()
  }

  #nextLeaving(cost: number): WatchedFolder | undefined {
    return cost < sliceCostMax ? this.#leaving.pop() : undefined
  }

  /** @returns about how many microseconds it took. */
  #step(): number {
    if (this.#listing === null) return this.#begin(this.#jobs.pop()!)
    const { job, parts, names } = this.#listing
    try {
      const part = parts.next()
      if (part.done === true) {
        if (names !== null) this.#host.onListed(job, names)
        this.#listing = null
        this.#end(job)
        return 0
      }
      for (const name of part.value.folders) names?.add(name)
      this.#host.onFolders(job, part.value.folders)
      return part.value.entryCount
    } catch (error) {
      this.#host.onError(error, job.folder)
      this.#closeListing()
      this.#end(job)
      return 0
    }
  }

  #begin(job: WatchJob): number {
    const path = this.#host.begin(job)
    if (path === null) this.#end(job)
    else {
      const names = job.folder.children === null ? null : new Set<string>()
      this.#listing = { job, parts: this.#host.readFolder(path), names }
    }
    return folderCost
  }

  #end({ addition }: WatchJob): void {
    if (addition !== null && --addition.openCount === 0) this.#host.onComplete(addition.top)
  }

  #closeListing(): void {
    this.#listing?.parts.return(undefined)
    this.#listing = null
  }
}

interface Listing {
  readonly job: WatchJob
  readonly parts: Generator<FolderPart>
  /** All that were seen; null when nobody will ask. */
  readonly names: Set<string> | null
}

const sliceCostMax = 10_000
const folderCost = 40
