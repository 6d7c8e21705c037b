import { P2psyncError } from '../model/errors.ts'
import { noOrder, type FolderOrder } from '../model/folder-order.ts'
import type { GuardLimits, HeldChanges } from '../model/guard-limits.ts'
import type { OtherFolder } from './blocks-elsewhere.ts'
import type { DeviceNodeDeps } from './device-node.ts'
import { loadFolderKey } from './folder-key-file.ts'
import { deriveFolderKeys } from './folder-keys.ts'
import { guardOptions, keptGuard } from './guard-settings.ts'
import { folderState } from './home.ts'
import { isIndexDamage } from './index-folder.ts'
import { parseFolderKey } from './key-text.ts'
import type { AddFolderRequest, FolderAdded, HeldDecision } from './node-api.ts'
import { withFolderChanged, type KnownFolder } from './node-settings.ts'
import { planFolder, prepareFolder } from './open-folder.ts'
import { RunningFolder, type FolderOptions } from './running-folder.ts'
import { SerialQueue } from './serial-queue.ts'

/** The folders of a node, in the order in which they were started. One change at a time is made to them. */
export class NodeFolders {
  readonly #deps: NodeFoldersDeps
  readonly #changes = new SerialQueue()
  readonly #running: RunningFolder[] = []
  #isClosed = false

  constructor(deps: NodeFoldersDeps) {
    this.#deps = deps
  }

  get running(): readonly RunningFolder[] {
    return this.#running
  }

  /** @throws {P2psyncError} `folder-unknown` */
  at(path: string): RunningFolder {
    const folder = this.#find(path)
    if (folder !== undefined) return folder
    throw new P2psyncError('folder-unknown', `${path} is not synced by this node`, {
      hint: 'See the folders that are: p2psync status',
    })
  }

  /** Starts a folder of an earlier run, unless it runs already. */
  resume(known: KnownFolder): Promise<void> {
    return this.#changes.run(async () => {
      if (this.#find(known.path) !== undefined) return
      const { home } = this.#deps
      const text = await loadFolderKey(folderState(home, known.id))
      if (text === null) throw new P2psyncError('bad-key', `the key of ${known.path} is gone from ${home.path}`)
      const keys = deriveFolderKeys(parseFolderKey(text))
      await this.#run({ ...known, keys, marker: { folder: known.id, nonce: known.nonce } })
    })
  }

  add(request: AddFolderRequest): Promise<FolderAdded> {
    return this.#changes.run(() => this.#add(request))
  }

  remove(path: string): Promise<void> {
    return this.#changes.run(async () => {
      await this.#close(this.at(path))
      await this.#deps.settings.update((old) => ({
        ...old,
        folders: old.folders.filter((known) => known.path !== path),
      }))
      this.#deps.onRemoved(path)
    })
  }

  setPaused(path: string, paused: boolean): Promise<void> {
    return this.#changes.run(async () => {
      const folder = this.at(path)
      if (folder.isPaused === paused) return
      await this.#change(path, { paused })
      await this.#reopen(folder, { paused })
    })
  }

  /** @throws {P2psyncError} `usage` when nothing is held, or the folder is paused. */
  async decideHeld(path: string, decision: HeldDecision): Promise<readonly HeldChanges[]> {
    return this.at(path).decideHeld(decision)
  }

  setGuard(path: string, guard: GuardLimits): Promise<void> {
    return this.#changes.run(async () => {
      const folder = this.at(path)
      await this.#change(path, { guard })
      await this.#reopen(folder, {})
    })
  }

  /** Closes all for good. */
  close(): Promise<void> {
    return this.#changes.run(async () => {
      this.#isClosed = true
      for (const folder of this.#running) await folder.close()
    })
  }

  async #add(request: AddFolderRequest): Promise<FolderAdded> {
    const { home, random, settings } = this.#deps
    const known = settings.current.folders
    const plan = await planFolder(request, { home, known, random })
    const { path, keys, marker } = plan
    const before = known.find((folder) => folder.path === path)
    const order: FolderOrder = { ...(before?.order ?? noOrder), ...request.order }
    const paused = before?.paused ?? false
    const running = this.#find(path)
    if (running !== undefined && !request.relink) {
      await this.#setOrder(running, order)
      return { path, created: false, keyIsNew: false, key: null }
    }
    if (running !== undefined) await this.#close(running)
    const tasks = this.#deps.openTasks(path)
    try {
      await prepareFolder(plan, { home, tasks })
    } finally {
      await tasks.close()
    }
    await this.#run({ path, keys, marker, order, paused })
    const entry: KnownFolder = {
      id: keys.folder,
      path,
      nonce: marker.nonce,
      order,
      paused,
      ...keptGuard(before, plan.resetIndex),
    }
    await settings.update((old) => ({
      ...old,
      folders: [...old.folders.filter((other) => other.path !== path), entry],
    }))
    return { path, created: plan.created, keyIsNew: plan.keyIsNew, key: plan.keyIsNew ? plan.keyText : null }
  }

  async #setOrder(folder: RunningFolder, order: FolderOrder): Promise<void> {
    if (JSON.stringify(order) === JSON.stringify(folder.order)) return
    await this.#change(folder.path, { order })
    await this.#reopen(folder, { order })
  }

  async #change(path: string, change: Partial<Pick<KnownFolder, 'order' | 'paused' | 'guard'>>): Promise<void> {
    await this.#deps.settings.update((old) => withFolderChanged(old, path, change))
  }

  /** Keeps its place among the others. */
  async #reopen(folder: RunningFolder, change: Partial<FolderOptions>): Promise<void> {
    const place = this.#running.indexOf(folder)
    await this.#close(folder)
    await this.#run({ ...optionsOf(folder), ...change }, place)
  }

  async #close(folder: RunningFolder): Promise<void> {
    this.#running.splice(this.#running.indexOf(folder), 1)
    await folder.close()
  }

  /** Another process has the key of this device: until now both have counted as one writer. */
  onTwin(): void {
    for (const folder of this.#running) {
      if (!folder.isPaused) folder.countAnew((what, error) => this.#deps.onFatal(folder.path, what, error))
    }
  }

  async #run(options: RunOptions, place = this.#running.length): Promise<void> {
    const { transport, home, logger, identity, onWarning, onChange } = this.#deps
    if (this.#isClosed) throw new P2psyncError('node-failed', 'the node is stopping')
    transport.addFolderKeys(options.keys)
    const { indexFolder } = folderState(home, options.keys.folder)
    let hasFailed = false
    const onFatal = (what: string, error: unknown): void => {
      if (!hasFailed && isIndexDamage(error)) void this.#rebuildIndex(options.path, error)
      else if (!hasFailed) this.#deps.onFatal(options.path, what, error)
      hasFailed = true
    }
    const folder = await RunningFolder.open(
      { ...options, indexFolder },
      {
        ...this.#deps,
        guard: guardOptions(this.#deps.settings, options.path),
        deviceTag: identity.deviceTag,
        logger: logger.child({ folder: options.path }),
        otherFolders: () => this.#othersThan(options.path),
        throttles: (peer, id) => this.#deps.limits.throttles(peer, id),
        onFatal,
      },
    )
    this.#running.splice(place, 0, folder)
    if (transport.twin !== null) folder.countAnew(onFatal)
    if (folder.notice !== '') onWarning(`${folder.path}: ${folder.notice}`, '')
    onChange()
  }

  /** The folder begins anew with what is on the disk. What its damaged index did until now was atomic all the same. */
  #rebuildIndex(path: string, damage: unknown): Promise<void> {
    return this.#changes
      .run(async () => {
        const folder = this.#find(path)
        if (folder === undefined || this.#isClosed) return
        await this.#close(folder).catch(() => undefined)
        await this.#run({ ...optionsOf(folder), damage })
      })
      .catch((error: unknown) => this.#deps.onFatal(path, 'a new index', error))
  }

  #othersThan(path: string): OtherFolder[] {
    return this.#running.filter((folder) => folder.path !== path && !folder.isPaused).map((folder) => folder.asOther)
  }

  #find(path: string): RunningFolder | undefined {
    return this.#running.find((folder) => folder.path === path)
  }
}

type RunOptions = Omit<FolderOptions, 'indexFolder'>

/** What it was opened with. */
function optionsOf({ path, keys, marker, order, isPaused }: RunningFolder): RunOptions {
  return { path, keys, marker, order, paused: isPaused }
}

export interface NodeFoldersDeps extends DeviceNodeDeps {
  readonly onChange: () => void
  readonly onRemoved: (path: string) => void
  readonly onWarning: (message: string, hint: string) => void
  /** The node cannot go on. */
  readonly onFatal: (path: string, what: string, error: unknown) => void
}
