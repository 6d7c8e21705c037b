import { systemCode } from '../../src/model/errors.ts'
import type { Disk, DiskEntry } from '../../src/ports/disk.ts'

/** A disk and an empty folder on it that the test may fill. */
export interface DiskUnderTest {
  readonly disk: Disk
  readonly root: string
  dispose(): void
}

/** What tests do by paths below the root of the disk that is under test when they do it. */
export interface InRoot {
  readonly at: (path: string) => string
  /** Makes a file. */
  readonly put: (path: string, text: string) => void
  readonly text: (path: string) => string
  /** The names in the root, sorted. */
  readonly names: () => (string | null)[]
  /** What is there. @throws when that is nothing, or something else than a file, a folder or a symlink. */
  readonly stateOf: (path: string) => Exclude<DiskEntry, { kind: 'other' }>
}

/** `subject` is asked again at each call: each test has a disk of its own. */
export function inRoot(subject: () => DiskUnderTest): InRoot {
  const at = (path: string): string => `${subject().root}/${path}`
  return {
    at,
    put: (path, text) => putFile(subject().disk, at(path), text),
    text: (path) => readText(subject().disk, at(path)),
    names: () => {
      const { disk, root } = subject()
      return disk
        .readFolder(root)
        .map((entry) => entry.name)
        .toSorted(byText)
    },
    stateOf: (path) => {
      const entry = subject().disk.lstat(at(path))
      if (entry === null || entry.kind === 'other') throw new Error(`nothing at ${path}`)
      return entry
    },
  }
}

/** The system's code of what `act` throws, or '' when it throws nothing. */
export function codeOf(act: () => unknown): string {
  try {
    act()
    return ''
  } catch (error) {
    return systemCode(error)
  }
}

/** The order of names by their UTF-16 units. */
export function byText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : 1
}

function putFile(disk: Disk, path: string, text: string): void {
  const handle = disk.create(path, 0o644)
  disk.write(handle, Buffer.from(text), 0)
  disk.close(handle)
}

function readText(disk: Disk, path: string): string {
  const handle = disk.openRead(path)
  const bytes = new Uint8Array(1000)
  const length = disk.read(handle, bytes, 0)
  disk.close(handle)
  return Buffer.from(bytes.subarray(0, length)).toString()
}
