import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, openSync, closeSync, ftruncateSync, renameSync, rmSync } from 'node:fs'
import { readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Why no image can be mounted here, or null when one can. */
export function loopProblem(): string | null {
  if (process.platform !== 'linux') return 'loop mounts need Linux'
  if (process.getuid?.() !== 0) return 'loop mounts need root'
  for (const tool of ['mkfs.ext4', 'mount', 'umount', 'cp']) {
    const found = [...(process.env['PATH'] ?? '').split(':'), '/sbin', '/usr/sbin'].some((folder) =>
      existsSync(join(folder, tool)),
    )
    if (!found) return `the program ${tool} is missing`
  }
  return existsSync('/dev/loop-control') ? null : 'there are no loop devices'
}

/**
 * An ext4 of its own whose power can be cut. Without the help that ext4 gives to those who rename without a sync
 * (`noauto_da_alloc`): other file systems give none.
 */
export class LoopDisk {
  readonly path: string
  readonly #place: string
  readonly #image: string

  constructor(sizeMiB: number) {
    // In memory where possible: what counts is what was sent to the device, and a copy is quick.
    this.#place = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'p2psync-disk-'))
    this.#image = join(this.#place, 'image')
    this.path = join(this.#place, 'disk')
    mkdirSync(this.path)
    const file = openSync(this.#image, 'w')
    ftruncateSync(file, sizeMiB * 1024 * 1024)
    closeSync(file)
    execFileSync('mkfs.ext4', ['-q', '-F', this.#image], { env: withSystemTools() })
    this.#mount()
  }

  /**
   * What the device holds while the process `pid` stands still becomes the disk: all that was not flushed yet is gone.
   * `kill` must end the process.
   */
  async cutPower(pid: number, kill: () => Promise<unknown>): Promise<void> {
    process.kill(pid, 'SIGSTOP')
    // A thread inside of a sync stops when that is done; the copy must not run beside it.
    while (!isStopped(pid)) await nextTurn()
    execFileSync('cp', ['--sparse=always', this.#image, `${this.#image}.cut`])
    await kill()
    this.#unmount()
    renameSync(`${this.#image}.cut`, this.#image)
    this.#mount()
  }

  /** After the disk was cut off under the running system: what had reached the device is mounted again. */
  mountAgain(): void {
    this.#unmount()
    this.#mount()
  }

  [Symbol.dispose](): void {
    this.#unmount()
    rmSync(this.#place, { recursive: true, force: true })
  }

  #mount(): void {
    execFileSync('mount', ['-o', `loop,noauto_da_alloc,commit=${commitSeconds}`, this.#image, this.path], {
      env: withSystemTools(),
    })
  }

  #unmount(): void {
    execFileSync('umount', [this.path], { env: withSystemTools() })
  }
}

// Longer than the usual 5: what nobody syncs is lost.
const commitSeconds = 60

function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((task) =>
    /\) [Tt] /.test(readFileSync(`/proc/${pid}/task/${task}/stat`, 'latin1')),
  )
}

function withSystemTools(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` }
}
