import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { applySteps } from '../../src/apply/apply-steps.ts'
import { prepareRoot } from '../../src/apply/root.ts'
import { ConfinedDisk } from '../../src/disk/confined-disk.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { ApplyStep, StepResult } from '../../src/ports/file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { hookedDisk, type DiskHook } from './hooked-disk.ts'

/** A prepared folder, and next to it one that nobody may touch. */
export class World {
  readonly disk: Disk
  readonly base: string
  readonly root: string
  readonly outside: string
  readonly #dispose: () => void

  constructor(disk: Disk, base: string, dispose: () => void) {
    this.disk = disk
    this.base = base
    this.root = `${base}/root`
    this.outside = `${base}/outside`
    this.#dispose = dispose
    drain(prepareRoot(disk, this.root, null))
    disk.makeFolder(this.outside)
  }

  /** Writes a file, with the folders that it needs, and returns its state. */
  write(path: string, text: string, mode = 0o644): DiskState {
    this.folder(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    writeFile(this.disk, `${this.root}/${path}`, text, mode)
    return this.state(path)
  }

  folder(path: string): void {
    let made = this.root
    for (const name of path === '' ? [] : path.split('/')) {
      made += `/${name}`
      if (this.disk.lstat(made) === null) this.disk.makeFolder(made)
    }
  }

  link(path: string, target: string): DiskState {
    this.disk.makeLink(`${this.root}/${path}`, target)
    return this.state(path)
  }

  /** A file that is ready to be placed. */
  stage(staged: string, text: string, mode = 0o644): string {
    writeFile(this.disk, `${this.root}/.p2psync/staging/${staged}`, text, mode)
    return staged
  }

  state(path: string): DiskState {
    const entry = this.look(path)
    if (entry === null) throw new Error(`nothing at ${path}`)
    return entry
  }

  look(path: string): DiskState | null {
    const entry = this.disk.lstat(`${this.root}/${path}`)
    if (entry?.kind === 'other') throw new Error(`something strange at ${path}`)
    return entry
  }

  /** The text of a file, `-> target` of a symlink, `/` for a folder, null for nothing. */
  read(path: string): string | null {
    return contentOf(this.disk, `${this.root}/${path}`)
  }

  /** Every file and symlink below a folder of the root, by its path in there. */
  tree(folder = ''): Record<string, string> {
    return Object.fromEntries(walk(this.disk, folder === '' ? this.root : `${this.root}/${folder}`, ''))
  }

  /** {@link tree} without what is ours. */
  visible(): Record<string, string> {
    return Object.fromEntries(Object.entries(this.tree()).filter(([path]) => !path.startsWith('.p2psync/')))
  }

  outsideTree(): Record<string, string> {
    return Object.fromEntries(walk(this.disk, this.outside, ''))
  }

  slices(steps: readonly ApplyStep[]): Generator<void, StepResult[]> {
    return applySteps(this.disk, this.root, steps, { history: 'h1' })
  }

  apply(steps: readonly ApplyStep[], options: { hook?: DiskHook; history?: string } = {}): StepResult[] {
    const disk = options.hook === undefined ? this.disk : hookedDisk(this.disk, options.hook)
    return drain(applySteps(disk, this.root, steps, { history: options.history ?? 'h1' }))
  }

  [Symbol.dispose](): void {
    this.#dispose()
  }
}

/** A world by real system calls, removed when its scope ends. */
function nodeWorld(): World {
  const base = mkdtempSync(join(existsSync(inMemory) ? inMemory : tmpdir(), 'p2psync-apply-'))
  return new World(new ConfinedDisk(base), base, () => rmSync(base, { recursive: true, force: true }))
}

/** A world in memory. All that it begins with is durable. */
export function memoryWorld(
  options: ConstructorParameters<typeof MemoryDisk>[0] = {},
): World & { readonly disk: MemoryDisk } {
  const disk = new MemoryDisk(options)
  disk.makeFolders('/base')
  const world = new World(disk, '/base', () => undefined)
  disk.syncFileSystem('/')
  return world as World & { readonly disk: MemoryDisk }
}

/** Both kinds, for tests that hold on either. */
export const worlds: readonly (readonly [name: string, make: () => World])[] = [
  ['in memory', () => memoryWorld()],
  ['by system calls', nodeWorld],
]

export function at(path: string): RelativePath {
  return parseRelativePath(path)
}

/** `failed ENOSPC`, `done`. */
export function summary(result: StepResult): string {
  return 'code' in result ? `${result.outcome} ${result.code}` : result.outcome
}

export function drain<Result>(slices: Generator<void, Result>): Result {
  for (;;) {
    const next = slices.next()
    if (next.done === true) return next.value
  }
}

export function writeFile(disk: Disk, path: string, text: string, mode = 0o644): void {
  const handle = disk.lstat(path) === null ? disk.create(path, mode) : disk.openWrite(path)
  const bytes = Buffer.from(text)
  disk.truncate(handle, 0)
  disk.write(handle, bytes, 0)
  disk.setMode(handle, mode)
  disk.close(handle)
}

/** As an editor saves: a new file takes the place of the old one. */
export function saveByRename(disk: Disk, path: string, text: string): void {
  writeFile(disk, `${path}.tmp`, text)
  disk.rename(`${path}.tmp`, path)
}

function contentOf(disk: Disk, path: string): string | null {
  const entry = disk.lstat(path)
  if (entry === null) return null
  if (entry.kind === 'folder') return '/'
  if (entry.kind === 'symlink') return `-> ${disk.readLink(path)}`
  if (entry.kind === 'other') return '?'
  const handle = disk.openRead(path)
  const bytes = new Uint8Array(entry.sizeBytes)
  disk.read(handle, bytes, 0)
  disk.close(handle)
  return Buffer.from(bytes).toString()
}

function* walk(disk: Disk, folder: string, prefix: string): Generator<[path: string, content: string]> {
  for (const entry of disk.readFolder(folder)) {
    const path = `${folder}/${entry.name}`
    if (entry.kind === 'folder') yield* walk(disk, path, `${prefix}${entry.name}/`)
    else yield [`${prefix}${entry.name}`, contentOf(disk, path) ?? '']
  }
}

// Thousands of flushes: real calls, but not at the speed of whatever else the disk is doing.
const inMemory = '/dev/shm'
