import type { DiskState } from '../../src/model/disk-state.ts'
import type { MemoryDisk } from '../twins/memory-disk.ts'

/** Where each device has its folder. */
export const root = '/home/folder'

/** The folder of a device: what its user does in it, of which a watcher tells, and what lies there. */
export abstract class DeviceFolder {
  abstract readonly disk: MemoryDisk
  /** Its watcher says nothing: only scans find what changes. */
  isDeaf = false

  /** What a watcher would say. */
  abstract hint(...paths: string[]): void

  write(path: string, text: string, options: { mtimeMs?: number; mode?: number } = {}): void {
    const { mtimeMs, mode } = options
    const parents = this.#missingParents(path)
    this.disk.writeFile(`${root}/${path}`, text, {
      ...(mode === undefined ? {} : { mode }),
      ...(mtimeMs === undefined ? {} : { mtimeNs: BigInt(mtimeMs) * 1_000_000n }),
    })
    this.#changed(...parents, path)
  }

  /** As editors save: a new file that is renamed over the old one. */
  save(path: string, text: string): void {
    this.disk.writeFile(`${root}/.p2psync/outside`, text)
    this.disk.quietly(() => this.disk.rename(`${root}/.p2psync/outside`, `${root}/${path}`))
    this.#changed(path)
  }

  chmod(path: string, mode: number): void {
    this.disk.quietly(() => this.disk.setPathMode(`${root}/${path}`, mode))
    this.#changed(path)
  }

  remove(path: string): void {
    this.disk.quietly(() => removeAll(this.disk, `${root}/${path}`))
    this.#changed(path)
  }

  rename(from: string, to: string): void {
    const parents = this.#missingParents(to)
    this.disk.makeFolders(`${root}/${to}`.slice(0, `${root}/${to}`.lastIndexOf('/')))
    this.disk.quietly(() => this.disk.rename(`${root}/${from}`, `${root}/${to}`))
    this.#changed(...parents, from, to)
  }

  makeFolder(path: string): void {
    const parents = this.#missingParents(path)
    this.disk.makeFolders(`${root}/${path}`)
    this.#changed(...parents, path)
  }

  link(path: string, target: string): void {
    const parents = this.#missingParents(path)
    this.disk.makeFolders(`${root}/${path}`.slice(0, `${root}/${path}`.lastIndexOf('/')))
    this.disk.quietly(() => this.disk.makeLink(`${root}/${path}`, target))
    this.#changed(...parents, path)
  }

  /** A FIFO, which is not synced. */
  makeOther(path: string): void {
    this.disk.makeOther(`${root}/${path}`)
    this.#changed(path)
  }

  /** Null where no file is. */
  fileState(path: string): DiskState | null {
    const entry = this.disk.quietly(() => this.disk.lstat(`${root}/${path}`))
    return entry?.kind === 'file' ? entry : null
  }

  /** Path to what it is, as text, without `.p2psync`. */
  tree(): Map<string, string> {
    return this.#entries('', '.p2psync')
  }

  /** What lies in history. */
  history(): Map<string, string> {
    return this.#entries('.p2psync/history/')
  }

  /** The names and sizes of what is staged. */
  staged(): Map<string, number> {
    const prefix = '.p2psync/staging/'
    const staged = Array.from(this.#entries(prefix).keys())
    const sizeOf = (path: string): number => {
      const entry = this.disk.quietly(() => this.disk.lstat(`${root}/${path}`))
      return entry?.kind === 'file' ? entry.sizeBytes : 0
    }
    return new Map(staged.map((path) => [path.slice(prefix.length), sizeOf(path)]))
  }

  /** All below `prefix`, which is '' or ends in a slash, but for `without` and what is in it, sorted by path. */
  #entries(prefix: string, without?: string): Map<string, string> {
    const tree: [path: string, what: string][] = []
    for (const [path, entry] of this.disk.tree(`${root}/${prefix}`, without)) {
      const mode = entry.kind === 'file' && (entry.mode & 0o100) !== 0 ? ' executable' : ''
      tree.push([prefix + path, `${entry.kind} ${entry.content}${entry.target}${mode}`])
    }
    return new Map(tree.sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  /** A real watcher reports each new folder, not only what was put into it. */
  #missingParents(path: string): string[] {
    const segments = path.split('/')
    const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
    return parents.filter((parent) => this.disk.quietly(() => this.disk.lstat(`${root}/${parent}`)) === null)
  }

  #changed(...paths: string[]): void {
    if (!this.isDeaf) this.hint(...paths)
  }
}

function removeAll(disk: MemoryDisk, path: string): void {
  if (disk.lstat(path)?.kind === 'folder') {
    for (const entry of disk.readFolder(path)) removeAll(disk, `${path}/${entry.name}`)
    disk.removeFolder(path)
  } else disk.unlink(path)
}
