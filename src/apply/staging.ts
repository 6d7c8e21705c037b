import { openStaged, stagingFolder } from '../blocks/staged-file.ts'
import { systemCode } from '../model/errors.ts'
import type { Disk } from '../ports/disk.ts'
import type { StagedEntry, StagedFile, StepFailure } from '../ports/file-tasks.ts'
import { InsideRoot } from './inside.ts'
import { stagedPath } from './private-folder.ts'
import { Touched } from './touched.ts'

/** The files (and symlinks) in staging, in no order. Folders and names that are not UTF-8 are not ours: left out. */
export function* listStaged(disk: Disk, root: string): Generator<void, StagedEntry[]> {
  const list: StagedEntry[] = []
  const folder = stagingIn(disk, root)
  if (folder === null) return list
  let count = 0
  for (const { name } of disk.readFolder(folder)) {
    if (++count % sliceSteps === 0) yield
    if (name === null) continue
    const entry = disk.lstat(`${folder}/${name}`)
    if (entry?.kind !== 'file' && entry?.kind !== 'symlink') continue
    // Not its mtime: that may be the file's own by now.
    const { sizeBytes, inode } = entry
    list.push({ staged: name, sizeBytes, inode, changedMs: Number(entry.ctimeNs / 1_000_000n) })
  }
  return list
}

/**
 * Removes staged files; one that is gone already is no trouble.
 *
 * @throws the system's error for one that cannot be removed.
 */
export function* discardStaged(disk: Disk, root: string, staged: readonly string[]): Generator<void, void> {
  const folder = stagingIn(disk, root)
  if (folder === null) return
  for (const [index, name] of staged.entries()) {
    const path = `${root}/${stagedPath(name)}`
    try {
      // Most were renamed into place: a look costs a third of an exception.
      if (disk.lstat(path) !== null) disk.unlink(path)
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
    if (index % sliceSteps === sliceSteps - 1) yield
  }
}

/**
 * Gives staged files their size, mode (0644, or 0755) and time, and makes their bytes durable: up to 16 one by one, more
 * by one flush of the file system. A file of no bytes that was never staged is created.
 *
 * @returns those that are not ready, with the system's code: `ENOENT` for one that is missing, `ENODATA` for one that is
 * shorter than it should be.
 */
export function* finishStaged(disk: Disk, root: string, files: readonly StagedFile[]): Generator<void, StepFailure[]> {
  const touched = new Touched(disk, root)
  const failures: StepFailure[] = []
  const ready = new Map<string, string>()
  const folder = stagingIn(disk, root)
  for (const [index, file] of files.entries()) {
    const path = `${root}/${stagedPath(file.staged)}`
    const code = folder === null ? 'ENOENT' : finishOne(disk, path, file)
    if (code === '') {
      ready.set(path, file.staged)
      touched.file(path)
    } else {
      failures.push({ staged: file.staged, code })
    }
    if (index % sliceSteps === sliceSteps - 1) yield
  }
  for (const [path, error] of yield* touched.flush()) {
    const staged = ready.get(path)
    if (staged !== undefined) failures.push({ staged, code: systemCode(error) })
  }
  return failures
}

/** The system's code, or '' when all is well. */
function finishOne(disk: Disk, path: string, file: StagedFile): string {
  try {
    const handle = openStaged(disk, path) ?? (file.sizeBytes === 0 ? disk.create(path, 0o644) : null)
    if (handle === null) return 'ENOENT'
    try {
      const entry = disk.fstat(handle)
      if (entry.kind !== 'file' || entry.sizeBytes < file.sizeBytes) return 'ENODATA'
      if (entry.sizeBytes > file.sizeBytes) disk.truncate(handle, file.sizeBytes)
      disk.setMode(handle, file.executable ? 0o755 : 0o644)
      disk.setMtime(handle, file.mtimeNs)
      return ''
    } finally {
      disk.close(handle)
    }
  } catch (error) {
    const code = systemCode(error)
    if (code === '') throw error
    return code
  }
}

function stagingIn(disk: Disk, root: string): string | null {
  const inside = new InsideRoot(disk, root, new Touched(disk, root))
  return inside.locate(`${stagingFolder}/x`) === null ? null : `${root}/${stagingFolder}`
}

const sliceSteps = 200
