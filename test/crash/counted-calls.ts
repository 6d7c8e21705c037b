import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'

/** Why no calls can be counted here, or null when they can. */
export function countingProblem(): string | null {
  if (process.platform !== 'linux') return 'counting calls needs Linux'
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' })
    return null
  } catch {
    return 'the program cc is missing'
  }
}

/**
 * Counts the calls by which a node changes what is below some folders, of all its threads together, and kills it in place
 * of one of them. Unlike strace it gives every call one number, whichever thread makes it, and counts from a start on.
 */
export class CountedCalls implements Disposable {
  /** What runs the node, to be put before its command line. */
  readonly prefix: readonly string[]
  readonly #page: number

  /**
   * @param place a folder for the compiled library and the page that is shared with the node.
   * @param disk where the ext4 is mounted whose power {@link armCut} cuts.
   */
  constructor(place: string, roots: readonly string[], disk: string | null = null) {
    const [library, page] = [join(place, 'count-calls.so'), join(place, 'count-calls.page')]
    const source = join(import.meta.dirname, 'count-calls.c')
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'])
    this.#page = openSync(page, 'w+')
    ftruncateSync(this.#page, headBytes + notesMax * noteBytes)
    const environment = {
      LD_PRELOAD: library,
      CRASH_PAGE: page,
      CRASH_ROOTS: roots.join(':'),
      ...(disk === null ? {} : { CRASH_DISK: disk }),
    }
    this.prefix = ['env', ...Object.entries(environment).map(([name, value]) => `${name}=${value}`)]
  }

  /** Counts from now on, and kills in place of call `killAt` (from 1); null: counts only. */
  arm(killAt: number | null): void {
    this.#arm(killAt ?? 0, 0)
  }

  /** Counts from now on; so many microseconds after call `cutAt` begins, the disk is cut off and then the node killed. */
  armCut(cutAt: number, afterUs: number): void {
    this.#arm(cutAt, Math.max(1, afterUs))
  }

  disarm(): void {
    this.#write(armedAt, 0)
  }

  /** How many calls there were since it was armed. */
  get count(): number {
    return Number(this.#read(countAt, 8).readBigUInt64LE())
  }

  /** The calls since it was armed, such as `rename /tmp/A/file`; `calls[0]` is the first. */
  get calls(): readonly string[] {
    return Array.from({ length: Math.min(this.count, notesMax - 1) }, (_, i) => {
      const note = this.#read(headBytes + (i + 1) * noteBytes, noteBytes)
      return note.toString('utf8', 0, note.indexOf(0))
    })
  }

  [Symbol.dispose](): void {
    closeSync(this.#page)
  }

  #arm(at: number, cutAfterUs: number): void {
    this.#write(armedAt, 0)
    this.#write(countAt, 0)
    this.#write(killAtAt, at)
    this.#write(cutAfterAt, cutAfterUs)
    this.#write(armedAt, 1)
  }

  #write(at: number, value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(BigInt(value))
    writeSync(this.#page, bytes, 0, 8, at)
  }

  #read(at: number, length: number): Buffer {
    const bytes = Buffer.alloc(length)
    readSync(this.#page, bytes, 0, length, at)
    return bytes
  }
}

// The page, as count-calls.c has it.
const armedAt = 0
const killAtAt = 8
const countAt = 16
const cutAfterAt = 24
const headBytes = 4096
const noteBytes = 192
const notesMax = 16_384
