import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Disk } from '../ports/disk.ts'
import type { InsideRoot } from './inside.ts'
import { PathTrouble } from './path-trouble.ts'

/** Where an old version is to be kept. */
export interface KeepPlace {
  readonly at: string
  /** `free`: nothing is there. `twin`: the same content is there already. `same`: this very file is there already. */
  readonly holds: 'free' | 'twin' | 'same'
}

/**
 * Finds out whether what is at `target` can be kept at `keepAs`, making the parents that it needs.
 *
 * @throws {PathTrouble} `EEXIST` when something of another content is there.
 */
export function* findKeepPlace(
  context: { readonly disk: Disk; readonly inside: InsideRoot },
  request: { readonly target: string; readonly expect: DiskState; readonly keepAs: RelativePath },
): Generator<void, KeepPlace> {
  const { disk, inside } = context
  const at = inside.makeParents(request.keepAs)
  const entry = disk.lstat(at)
  if (entry === null) return { at, holds: 'free' }
  if (entry.kind === request.expect.kind) {
    if (entry.inode === request.expect.inode) return { at, holds: 'same' }
    if (entry.kind === 'symlink' && disk.readLink(at) === disk.readLink(request.target)) return { at, holds: 'twin' }
    if (entry.kind === 'file' && entry.sizeBytes === request.expect.sizeBytes) {
      const equal = yield* haveEqualBytes(disk, { a: at, b: request.target, sizeBytes: entry.sizeBytes })
      const after = disk.lstat(at)
      if (equal && after?.kind === 'file' && sameDiskState(entry, after)) return { at, holds: 'twin' }
    }
  }
  throw new PathTrouble('EEXIST', `something else is at "${request.keepAs}"`)
}

interface Comparison {
  readonly a: string
  readonly b: string
  readonly sizeBytes: number
}

function* haveEqualBytes(disk: Disk, files: Comparison): Generator<void, boolean> {
  const a = disk.openRead(files.a)
  try {
    const b = disk.openRead(files.b)
    try {
      const buffers = [new Uint8Array(pieceBytes), new Uint8Array(pieceBytes)] as const
      let sliceBytes = 0
      for (let position = 0; position < files.sizeBytes; position += pieceBytes) {
        const length = Math.min(pieceBytes, files.sizeBytes - position)
        const [left, right] = [buffers[0].subarray(0, length), buffers[1].subarray(0, length)]
        if (!fill(disk, a, left, position) || !fill(disk, b, right, position)) return false
        if (Buffer.compare(left, right) !== 0) return false
        sliceBytes += 2 * length
        if (sliceBytes < sliceBytesMax) continue
        sliceBytes = 0
        yield
      }
      return true
    } finally {
      disk.close(b)
    }
  } finally {
    disk.close(a)
  }
}

function fill(disk: Disk, handle: ReturnType<Disk['openRead']>, target: Uint8Array, position: number): boolean {
  let filled = 0
  while (filled < target.length) {
    const count = disk.read(handle, target.subarray(filled), position + filled)
    if (count === 0) return false
    filled += count
  }
  return true
}

const pieceBytes = 1024 * 1024
const sliceBytesMax = 8 * 1024 * 1024
