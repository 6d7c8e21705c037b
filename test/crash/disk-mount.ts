import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Why no file system can be mounted here, or null when one can. */
export function mountProblem(): string | null {
  if (process.platform !== 'linux') return 'tmpfs needs Linux'
  return process.getuid?.() === 0 ? null : 'mounts need root'
}

/** A small disk in memory; unmounted and gone when it is disposed of. */
export class MemoryMount {
  readonly path = mkdtempSync(join(tmpdir(), 'p2psync-small-'))

  /** @param options as `mount -o` takes them: `size=8m`, `nr_inodes=100`. */
  constructor(options: string) {
    mkdirSync(this.path, { recursive: true })
    execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', this.path])
  }

  remount(options: string): void {
    execFileSync('mount', ['-o', `remount,${options}`, this.path], { stdio: ['ignore', 'ignore', 'pipe'] })
  }

  at(...names: string[]): string {
    return join(this.path, ...names)
  }

  [Symbol.dispose](): void {
    execFileSync('umount', ['-l', this.path])
    rmSync(this.path, { recursive: true, force: true })
  }
}
