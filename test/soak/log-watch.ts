import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import type { SoakNode } from './soak-node.ts'

interface Line {
  readonly level: number
  readonly msg: string
}

const errorLevel = 50
const warnLevel = 40

/** What a disk that the nemesis fills makes a node say, and rightly so. */
const fullDisk = /ENOSPC|no space left on/i

/**
 * Reads what nodes say as it comes: errors and what is no line of a log are problems, the rest of what they complain of is
 * counted.
 */
export class LogWatch {
  readonly warnings = new Map<string, number>()
  readonly #nodes: readonly SoakNode[]
  readonly #offsets = new Map<SoakNode, number>()

  constructor(nodes: readonly SoakNode[]) {
    this.#nodes = nodes
  }

  /** What is wrong in the lines that came since the last call. */
  problems(): readonly string[] {
    return this.#nodes.flatMap((node) =>
      this.#newLines(node).flatMap((text) => {
        const line = parse(text)
        if (line !== null && (line.level < errorLevel || fullDisk.test(text))) {
          if (line.level >= warnLevel) this.warnings.set(line.msg, (this.warnings.get(line.msg) ?? 0) + 1)
          return []
        }
        return [`${node.name} says: ${text.slice(0, 500)}`]
      }),
    )
  }

  #newLines(node: SoakNode): readonly string[] {
    const offset = this.#offsets.get(node) ?? 0
    const text = readFrom(node.logFile, offset)
    // What was cut off by a kill goes on with what the next start says.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    this.#offsets.set(node, offset + Buffer.byteLength(whole))
    return whole.split('\n').filter((line) => line !== '')
  }
}

function parse(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Partial<Line> | null
    return typeof line?.level === 'number' && typeof line.msg === 'string' ? { level: line.level, msg: line.msg } : null
  } catch {
    return null
  }
}

function readFrom(path: string, offset: number): string {
  const file = openSync(path, 'r')
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(file).size - offset))
    return bytes.toString('utf8', 0, readSync(file, bytes, 0, bytes.length, offset))
  } finally {
    closeSync(file)
  }
}
