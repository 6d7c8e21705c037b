import type { DiskState } from '../../src/model/disk-state.ts'
import { parseRelativePath, type RelativePath } from '../../src/model/relative-path.ts'
import { Settling, type Sorted } from '../../src/node/settling.ts'
import type { ScanEntry } from '../../src/ports/file-tasks.ts'
import { ManualClock } from '../twins/manual-clock.ts'

export const mebibyte = 1024 * 1024
export const hourMs = 3_600_000
export const noPaths: ReadonlySet<RelativePath> = new Set()

/** What settles, on a clock that a test owns, before an index that knows what was taken. */
export class SettlingWorld {
  readonly clock = new ManualClock()
  readonly settling: Settling
  /** What the index knows: a test takes in by {@link take}. */
  readonly index = new Map<string, DiskState>()
  /** What the wall clock is off by for what settles, in milliseconds. */
  wallOffMs = 0

  constructor() {
    this.settling = new Settling({
      now: () => this.clock.now() + this.wallOffMs,
      monotonic: () => this.clock.monotonic(),
    })
  }

  /** An entry as a scan gives it, of what was written `ageMs` ago. */
  written(path: string, options: { ageMs?: number; sizeBytes?: number; kind?: DiskState['kind'] } = {}): ScanEntry {
    const { ageMs = 0, sizeBytes = 100, kind = 'file' } = options
    const timeNs = BigInt(Math.round((this.clock.now() - ageMs) * 1e6))
    const disk = { kind, sizeBytes, mtimeNs: timeNs, ctimeNs: timeNs, inode: 7n, mode: 0o644 }
    return { path: parseRelativePath(path), disk, linkTarget: '' }
  }

  sort(changed: readonly ScanEntry[], gone: readonly string[] = []): Sorted {
    return this.settling.sort({ changed, gone: gone.map(parseRelativePath) }, (path) => this.index.get(path) ?? null)
  }

  take(...entries: readonly ScanEntry[]): void {
    for (const { path, disk } of entries) {
      this.index.set(path, disk)
      this.settling.forget(path)
    }
  }
}

export function pathsOf(list: readonly { readonly path: RelativePath }[]): readonly string[] {
  return list.map((one) => one.path)
}
