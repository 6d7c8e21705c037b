import { privateFolderName } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import { atTurnEnd } from './confinement.ts'
import { DiskError } from './disk-error.ts'

/**
 * Whether the file system of the prepared folder at `root` takes two names for one that differ in case only. Null where
 * that cannot be told yet: nothing is made for it.
 */
export function ignoresCase(disk: Disk, root: string): boolean | null {
  const prepared = disk.lstat(`${root}/${privateFolderName}`)
  if (prepared?.kind !== 'folder') return null
  const twin = disk.lstat(`${root}/${privateFolderName.toUpperCase()}`)
  return twin?.kind === 'folder' && twin.inode === prepared.inode
}

/**
 * A disk that ignores case, as one on which every entry has exactly the name that its folder lists: under any other spelling
 * nothing is found, and nothing can be made (`ENOTUNIQ`) or acted on (`ENOENT`). So a file is never taken for another one,
 * nor replaced by one, whose name differs in case only. What differs in case only from an entry may still be its new name.
 *
 * Folders are listed to find out, and what was listed holds for the rest of a turn of the event loop. What is in our own
 * folder passes as it is: nobody else names anything there.
 */
export function exactNames(disk: Disk, root: string): Disk {
  const names = new ListedNames(disk, root)
  const rename = (from: string, to: string): void => {
    names.requireKnown(from)
    if (isCaseOnly(disk, names, { from, to })) renameCase(disk, { from, to })
    else {
      names.requireOwn(to)
      disk.rename(from, to)
    }
    names.forget()
  }
  return new Proxy(disk, {
    get(target, name): unknown {
      if (name === 'lstat') return (path: string) => names.look(path)
      if (name === 'rename') return rename
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      const known = knownArguments.get(name as keyof Disk) ?? 0
      const made = madeArguments.get(name as keyof Disk) ?? null
      if (known === 0 && made === null) return (...args: unknown[]): unknown => Reflect.apply(method, target, args)
      return (...args: unknown[]): unknown => {
        if (known === 1) names.requireKnown(String(args[0]))
        if (made !== null) names.requireOwn(String(args[made]))
        const result: unknown = Reflect.apply(method, target, args)
        if (made !== null) names.made(String(args[made]))
        return result
      }
    },
  })
}

/** Their first argument is what is acted on. */
const knownArguments: ReadonlyMap<keyof Disk, 1> = new Map(
  (
    [
      'readFolder',
      'readLink',
      'openRead',
      'openWrite',
      'setLinkMtime',
      'setPathMode',
      'hardLink',
      'copyFile',
      'cloneFile',
      'unlink',
      'removeFolder',
      'syncFolder',
    ] as const
  ).map((name) => [name, 1]),
)

/** Which of their arguments is a new name. */
const madeArguments: ReadonlyMap<keyof Disk, 0 | 1> = new Map([
  ['create', 0],
  ['makeFolder', 0],
  ['makeLink', 0],
  ['hardLink', 1],
  ['copyFile', 1],
  ['cloneFile', 1],
])

/** What the folders below a root list. */
class ListedNames {
  readonly #disk: Disk
  readonly #root: string
  readonly #listed = new Map<string, Set<string>>()
  readonly #forgetSoon = atTurnEnd(() => this.forget())

  constructor(disk: Disk, root: string) {
    this.#disk = disk
    this.#root = root
  }

  look(path: string): ReturnType<Disk['lstat']> {
    const entry = this.#disk.lstat(path)
    return entry === null || this.isExact(path) ? entry : null
  }

  /** Whether what is found at a path has this name, and its parents theirs. */
  isExact(path: string): boolean {
    if (!path.startsWith(`${this.#root}/`)) return true
    const rest = path.slice(this.#root.length + 1)
    if (rest === privateFolderName || rest.startsWith(`${privateFolderName}/`)) return true
    const slash = path.lastIndexOf('/')
    const folder = path.slice(0, slash)
    return this.isExact(folder) && this.#names(folder).has(path.slice(slash + 1))
  }

  /** @throws {DiskError} `ENOENT` when what is at `path` has another name. */
  requireKnown(path: string): void {
    if (!this.isExact(path) && this.#disk.lstat(path) !== null) throw new DiskError('ENOENT', path)
  }

  /** @throws {DiskError} `ENOTUNIQ` when something of another name is at `path`. */
  requireOwn(path: string): void {
    if (this.#disk.lstat(path) !== null && !this.isExact(path)) throw new DiskError('ENOTUNIQ', path)
    const parent = path.slice(0, path.lastIndexOf('/'))
    if (!this.isExact(parent)) throw new DiskError('ENOTUNIQ', path)
  }

  made(path: string): void {
    const slash = path.lastIndexOf('/')
    this.#listed.get(path.slice(0, slash))?.add(path.slice(slash + 1))
  }

  forget(): void {
    this.#listed.clear()
  }

  #names(folder: string): ReadonlySet<string> {
    const known = this.#listed.get(folder)
    if (known !== undefined) return known
    const names = new Set<string>()
    for (const { name } of this.#disk.readFolder(folder)) {
      if (name === null) continue
      names.add(name)
      // Such a disk may list another Unicode form than was asked for.
      names.add(name.normalize('NFC'))
    }
    this.#listed.set(folder, names)
    this.#forgetSoon()
    return names
  }
}

interface Rename {
  readonly from: string
  readonly to: string
}

function isCaseOnly(disk: Disk, names: ListedNames, { from, to }: Rename): boolean {
  if (names.isExact(to)) return false
  const [source, target] = [disk.lstat(from), disk.lstat(to)]
  if (source === null || target === null || source.kind === 'other' || target.kind === 'other') return false
  const parent = to.slice(0, to.lastIndexOf('/'))
  return source.inode === target.inode && source.kind === target.kind && names.isExact(parent)
}

/** To such a disk both names are one, and it may take that for nothing to do: a name in between helps. */
function renameCase(disk: Disk, { from, to }: Rename): void {
  disk.rename(from, to)
  const slash = to.lastIndexOf('/')
  if (disk.readFolder(to.slice(0, slash)).some(({ name }) => name === to.slice(slash + 1))) return
  const between = `${to.slice(0, slash)}/.p2psync-renaming`
  if (disk.lstat(between) !== null) throw new DiskError('EEXIST', between)
  disk.rename(from, between)
  try {
    disk.rename(between, to)
  } catch (error) {
    disk.rename(between, from)
    throw error
  }
}
