import { systemCode } from '../model/errors.ts'
import { comparePaths, privateFolderName, type RelativePath } from '../model/relative-path.ts'
import type { Disk, FolderEntry } from '../ports/disk.ts'
import type { ScanProblem } from '../ports/file-tasks.ts'
import { causeText } from './look-at-entry.ts'

/** The names in one folder, in the order of their UTF-8 bytes, all in NFC. */
export interface FolderListing {
  readonly names: readonly string[]
  /** Those of the names that were folders when they were listed. */
  readonly folders: ReadonlySet<string>
  /** Entries whose names cannot be synced. */
  readonly problems: readonly ScanProblem[]
  /** True when the folder holds an entry named like p2psync's own folder. */
  readonly hasPrivateFolder: boolean
}

/**
 * Lists `folder` ('' is the root). A name that is not in NFC is renamed on the disk, unless its NFC form is taken: every
 * device must find the same entry under the same bytes. p2psync's own folder is left out at the top.
 *
 * @throws what {@link Disk.readFolder} throws.
 */
export function listFolder(disk: Disk, root: string, folder: RelativePath | ''): FolderListing {
  const entries = disk.readFolder(folder === '' ? root : `${root}/${folder}`)
  const prefix = folder === '' ? '' : `${folder}/`
  const names: string[] = []
  const problems: ScanProblem[] = []
  const folders = new Set<string>()
  const foreign: FolderEntry[] = []
  let hasPrivateFolder = false
  for (const entry of entries) {
    const { name } = entry
    if (name !== null && entry.kind === 'folder') folders.add(name)
    if (name === null) problems.push({ path: `${prefix}\uFFFD`, reason: 'its name is not valid UTF-8' })
    else if (isPrivateName(name)) {
      hasPrivateFolder = true
      if (folder !== '') names.push(name)
    } else if (plainName.test(name) || name.normalize('NFC') === name) names.push(name)
    else foreign.push(entry)
  }
  if (foreign.length > 0) normalizeNames({ disk, root, prefix, entries, foreign, problems, names, folders })
  return { names: sortByBytes(names), folders, problems, hasPrivateFolder }
}

const plainName = /^[\u0020-\u007e]*$/
// In these UTF-16 and UTF-8 may sort differently.
const highName = /[\ud800-\uffff]/

function isPrivateName(name: string): boolean {
  return name.length === privateFolderName.length && name.toLowerCase() === privateFolderName
}

function sortByBytes(names: string[]): string[] {
  if (!names.some((name) => highName.test(name))) return names.sort()
  return names.sort((a, b) => comparePaths(a as RelativePath, b as RelativePath))
}

interface ForeignNames {
  readonly disk: Disk
  readonly root: string
  readonly prefix: string
  readonly entries: readonly FolderEntry[]
  /** Those whose names are not in NFC. */
  readonly foreign: readonly FolderEntry[]
  readonly problems: ScanProblem[]
  readonly names: string[]
  readonly folders: Set<string>
}

/** Adds to `names` and `folders` what was renamed, to `problems` what could not be. */
function normalizeNames(found: ForeignNames): void {
  const { disk, root, prefix, entries, foreign, problems, names, folders } = found
  const taken = new Set(entries.map(({ name }) => name))
  for (const { name, kind } of foreign) {
    if (name === null) continue
    const normal = name.normalize('NFC')
    const reason = taken.has(normal)
      ? takenReason
      : renameProblem(disk, `${root}/${prefix}${name}`, `${root}/${prefix}${normal}`)
    if (reason === null) {
      taken.add(normal)
      names.push(normal)
      if (kind === 'folder') folders.add(normal)
    } else problems.push({ path: `${prefix}${name}`, reason })
  }
}

const takenReason = 'another entry has the same name in Unicode form NFC'

function renameProblem(disk: Disk, from: string, to: string): string | null {
  try {
    const there = disk.lstat(to)
    if (there === null) disk.rename(from, to)
    else if (!isSameEntry(disk, from, to)) return takenReason
    return null
  } catch (error) {
    // It is gone already: the look that follows says so.
    if (systemCode(error) === 'ENOENT') return null
    return `its name is not in Unicode form NFC and cannot be changed: ${causeText(error)}`
  }
}

// A disk that takes both forms for one name.
function isSameEntry(disk: Disk, from: string, to: string): boolean {
  const [a, b] = [disk.lstat(from), disk.lstat(to)]
  return a !== null && b !== null && a.kind !== 'other' && b.kind !== 'other' && a.inode === b.inode
}
