import * as fs from 'node:fs'
import { tmpdir } from 'node:os'
import { Worker } from 'node:worker_threads'
import { hashBlock } from '../../src/blocks/hash.ts'
import { systemCode } from '../../src/model/errors.ts'
import { nextTurn } from '../../src/model/next-turn.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { changingCalls } from '../twins/changing-calls.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import type { SwapOrder } from './swap-worker.ts'

export interface SwapReport {
  readonly swaps: number
  /** Calls of the disk and steps of applies that were tried, and how many of them did what they should. */
  readonly tried: number
  readonly done: number
  /** What was read or changed outside; nothing, if all is well. */
  readonly escapes: readonly string[]
}

/**
 * Does everything that a disk can do below folders that another thread replaces by symlinks to an outside folder and back,
 * as fast as it can, until it has done so `swaps` times. Outside there is a twin of everything, so that a call that is led
 * there succeeds. Stops at the first escape.
 */
export async function actWhileSwapped(
  openDisk: (root: string) => Disk,
  { swaps, seed }: { swaps: number; seed: number },
): Promise<SwapReport> {
  const base = fs.realpathSync(fs.mkdtempSync(`${fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir()}/p2psync-swap-`))
  const [root, outside] = [`${base}/root`, `${base}/outside`]
  const shared = new SharedArrayBuffer(8)
  const state = new Int32Array(shared)
  fillInside(root)
  fillOutside(outside)
  const before = stateOf(outside)
  const targets = folders.map((folder) => ({ folder, outside: outsideOf(outside, folder) }))
  const workerData: SwapOrder = { root, targets, swaps, shared }
  const worker = new Worker(new URL('swap-worker.ts', import.meta.url), { workerData })
  const ended = new Promise<void>((resolve, reject) => worker.once('error', reject).once('exit', () => resolve()))
  const actor = new Actor(openDisk(root), root, seed)
  try {
    for (let round = 0; Atomics.load(state, 1) === 0 && actor.escapes.length === 0; round++) {
      for (let i = 0; i < 50; i++) actor.call()
      await actor.tasks()
      await nextTurn()
      if (round % 100 === 99 && stateOf(outside) !== before) break
    }
    Atomics.store(state, 1, 1)
    await ended
    if (stateOf(outside) !== before) actor.escapes.push(`what is outside has changed:\n${before}\n${stateOf(outside)}`)
    actor.escapes.push(...sentinelsBelow(root))
    return { swaps: Atomics.load(state, 0), tried: actor.tried, done: actor.done, escapes: actor.escapes }
  } finally {
    Atomics.store(state, 1, 1)
    await ended.catch(() => undefined)
    fs.rmSync(base, { recursive: true })
  }
}

const sentinel = 'SENTINEL'
const sentinelName = 'only-outside'
const folders = ['p', 'p/q', '.p2psync', '.p2psync/staging', '.p2psync/history']
const names = ['a', 'b', 'c', 'd']
const acts = [
  'lstat',
  'readFolder',
  'readLink',
  'openRead',
  ...changingCalls,
  'syncFolder',
] as const satisfies readonly (keyof Disk)[]

/** Tries one thing after the other; counts what succeeds and keeps what it should not have got. */
class Actor {
  readonly escapes: string[] = []
  tried = 0
  done = 0
  readonly #disk: Disk
  readonly #root: string
  readonly #tasks: DiskFileTasks
  readonly #random: SeededRandom

  constructor(disk: Disk, root: string, seed: number) {
    this.#disk = disk
    this.#root = root
    this.#tasks = new DiskFileTasks({ disk, root })
    this.#random = new SeededRandom(seed)
  }

  call(): void {
    this.tried++
    try {
      this.#call(this.#oneOf(acts))
      this.done++
    } catch (error) {
      if (systemCode(error) === '') throw error
    }
  }

  async tasks(): Promise<void> {
    const paths = [0, 1, 2, 3].map(() => this.#path())
    const bytes = Buffer.from(`inside ${this.#below(1000)}`)
    const block = { offset: 0, length: bytes.length, hash: hashBlock(bytes) }
    const file = { sizeBytes: bytes.length, mtimeNs: 10n ** 18n, executable: this.#below(2) === 0 }
    await this.#try(async () => {
      await this.#tasks.stageBlocks([{ ...block, staged: 'a', at: 0 }], Uint8Array.from(bytes))
      await this.#tasks.finishStaged([{ ...file, staged: 'a' }])
      const results = await this.#tasks.apply(
        paths.map((path) => this.#step(path)),
        { history: 'a' },
      )
      this.tried += results.length
      this.done += results.filter(({ outcome }) => outcome === 'done').length
    })
    await this.#try(async () => {
      const looks = await this.#tasks.lstat(paths)
      const files = looks.flatMap(({ path, disk }) => (disk?.kind === 'file' ? [{ path, disk }] : []))
      for (const result of await this.#tasks.hash(files)) {
        if (result.outcome === 'hashed' && Object.values(result).includes(sentinelHash)) this.#escape('hash')
      }
      const reads = paths.map((path) => ({ path, offset: 0, length: sentinel.length, hash: sentinelHash }))
      const read = await this.#tasks.readBlocks(reads)
      if (Buffer.from(read.bytes).includes(sentinel)) this.#escape('readBlocks')
      const local = paths.map((source) => ({ ...block, staged: 'b', source, sourceOffset: 0, ...sentinelBlock }))
      if ((await this.#tasks.stageLocal(local)).includes(true)) this.#escape('stageLocal')
    })
    if (this.#below(20) === 0) await this.#try(() => this.#tasks.trimHistory('b'))
    if (this.#below(20) === 0) await this.#try(() => this.#tasks.discardStaged(names))
  }

  async #try(act: () => Promise<void>): Promise<void> {
    this.tried++
    try {
      await act()
      this.done++
    } catch (error) {
      if (systemCode(error) === '') throw error
    }
  }

  #step(path: RelativePath): ApplyStep {
    const there = this.#disk.lstat(`${this.#root}/${path}`)
    const expect = there?.kind === 'other' ? null : there
    if (expect === null) {
      if (this.#below(4) === 0) return { type: 'make-folder', path, expect }
      if (this.#below(4) === 0) {
        return { type: 'place-link', path, expect, target: 'x', mtimeNs: 10n ** 18n, keepAs: null }
      }
      return { type: 'place-file', path, expect, staged: 'a', keepAs: null }
    }
    if (expect.kind === 'folder') return { type: 'remove-folder', path, expect }
    const kind = this.#below(4)
    if (kind === 0) return { type: 'remove', path, expect, keepAs: null }
    if (kind === 1) return { type: 'set-metadata', path, expect, mtimeNs: 10n ** 18n, executable: true }
    return { type: 'place-file', path, expect, staged: 'a', keepAs: kind === 2 ? null : this.#path() }
  }

  #call(act: (typeof acts)[number]): void {
    const disk = this.#disk
    const path = `${this.#root}/${this.#oneOf(folders)}/${this.#oneOf(names)}`
    const other = `${this.#root}/${this.#oneOf(folders)}/${this.#oneOf(names)}`
    switch (act) {
      case 'readFolder':
        // What is swapped, and what is below it.
        for (const folder of [`${this.#root}/${this.#oneOf(folders)}`, path]) {
          if (disk.readFolder(folder).some(({ name }) => name === sentinelName)) this.#escape(`${act} ${folder}`)
        }
        break
      case 'readLink':
        if (disk.readLink(path) === sentinel) this.#escape(`${act} ${path}`)
        break
      case 'openRead':
      case 'openWrite':
      case 'create':
        this.#file(act, path)
        break
      case 'makeLink':
        disk.makeLink(path, 'inside')
        break
      case 'setLinkMtime':
        disk.setLinkMtime(path, 10n ** 18n)
        break
      case 'setPathMode':
        disk.setPathMode(path, 0o755)
        break
      case 'hardLink':
      case 'rename':
      case 'copyFile':
      case 'cloneFile':
        disk[act](path, other)
        break
      case 'lstat':
      case 'makeFolder':
      case 'unlink':
      case 'removeFolder':
      case 'syncFolder':
        disk[act](path)
    }
  }

  #file(act: 'openRead' | 'openWrite' | 'create', path: string): void {
    const handle = act === 'create' ? this.#disk.create(path, 0o600) : this.#disk[act](path)
    try {
      const bytes = Buffer.alloc(sentinel.length)
      this.#disk.read(handle, bytes, 0)
      if (bytes.includes(sentinel)) this.#escape(`${act} ${path}`)
      else if (act !== 'openRead') this.#disk.write(handle, Buffer.from('inside'), 0)
    } finally {
      this.#disk.close(handle)
    }
  }

  #path(): RelativePath {
    return parseRelativePath(`${this.#oneOf(['p', 'p/q'])}/${this.#oneOf(names)}`)
  }

  #oneOf<Item>(items: readonly Item[]): Item {
    return items[this.#below(items.length)]!
  }

  #below(bound: number): number {
    return Math.floor(this.#random.fraction() * bound)
  }

  #escape(what: string): void {
    this.escapes.push(what)
  }
}

const sentinelHash = hashBlock(Buffer.from(sentinel))
const sentinelBlock = { length: sentinel.length, hash: sentinelHash }

/** `p` and `.p2psync` lead to the outside folder, what is below them to its folders. */
function outsideOf(outside: string, folder: string): string {
  const slash = folder.indexOf('/')
  return slash < 0 ? outside : `${outside}/${folder.slice(slash + 1)}`
}

function fillInside(root: string): void {
  for (const folder of folders) {
    fs.mkdirSync(`${root}/${folder}`, { recursive: true })
    for (const name of ['a', 'b']) fs.writeFileSync(`${root}/${folder}/${name}`, 'inside')
  }
}

function fillOutside(outside: string): void {
  for (const folder of ['', 'q/', 'staging/', 'history/']) {
    fs.mkdirSync(`${outside}/${folder}d`, { recursive: true })
    for (const name of ['a', sentinelName]) fs.writeFileSync(`${outside}/${folder}${name}`, sentinel)
    fs.symlinkSync(sentinel, `${outside}/${folder}b`)
  }
}

/** Everything outside, with what any act on it would change. */
function stateOf(outside: string): string {
  return fs
    .readdirSync(outside, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { ino, mode, nlink, size, mtimeNs, ctimeNs } = fs.lstatSync(`${outside}/${name}`, { bigint: true })
      return [name, ino, mode, nlink, size, mtimeNs, ctimeNs].join(' ')
    })
    .toSorted()
    .join('\n')
}

/** Files that hold what only what is outside held; links are not followed. */
function sentinelsBelow(folder: string): string[] {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return sentinelsBelow(path)
    return entry.isFile() && fs.readFileSync(path).includes(sentinel) ? [path] : []
  })
}
