import { readdirSync, readFileSync } from 'node:fs'

/** What a process takes, in bytes, and its processor time since it started, in seconds. */
export interface ProcessUse {
  readonly rss: number
  readonly peak: number
  /** Its share of what others map too. */
  readonly pss: number
  /** Memory of no file: heaps, stacks, buffers. The rest of `rss` is program text and files that are mapped. */
  readonly anonymous: number
  readonly cpuSeconds: number
  readonly threads: number
}

/** Linux only. @throws when the process has ended. */
export function processUse(pid: number): ProcessUse {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  return {
    rss: kibibytes(status, 'VmRSS'),
    peak: kibibytes(status, 'VmHWM'),
    pss: kibibytes(rollup, 'Pss'),
    anonymous: kibibytes(rollup, 'Anonymous'),
    cpuSeconds: cpuSeconds(readFileSync(`/proc/${pid}/stat`, 'utf8')),
    threads: readdirSync(`/proc/${pid}/task`).length,
  }
}

function kibibytes(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)
  if (found === null) throw new Error(`the system does not tell ${name}`)
  return Number(found[1]) * 1024
}

/** utime and stime are the 14th and 15th field; the second, the program's name, may hold anything. */
function cpuSeconds(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}

// What every Linux tells programs, whatever its kernel counts in.
const ticksPerSecond = 100
