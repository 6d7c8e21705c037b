import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Lab } from '../lab/lab.ts'
import type { Draw } from './draw.ts'
import type { SoakNode } from './soak-node.ts'

/** A fault that is there from `begin` to `end`. */
export interface Fault {
  readonly name: string
  readonly begin: () => Promise<void> | void
  readonly end: () => Promise<void> | void
}

export interface NemesisOptions {
  readonly lab: Lab
  readonly nodes: readonly SoakNode[]
  /** A file system of its own that the last node lies on. */
  readonly smallDisk: string
}

export type FaultKind = 'network' | 'device'

/** What goes wrong next. The first node is rarely killed, so that its memory can be seen to grow. */
export function nextFault(kind: FaultKind, draw: Draw, options: NemesisOptions): Fault {
  const { lab, nodes, smallDisk } = options
  const node = draw.of(nodes)
  const others = nodes.filter((one) => one !== node)
  const cut = (one: SoakNode): (readonly [SoakNode, SoakNode])[] => [[node, one] as const, [one, node] as const]
  if (kind === 'network') {
    return draw.weighted<() => Fault>([
      [3, () => partition(lab, cut(draw.of(others)))],
      [2, () => partition(lab, [[node, draw.of(others)]])],
      [2, () => partition(lab, others.flatMap(cut))],
      [4, () => loss(lab, [node, ...others.filter(() => draw.chance(0.4))], draw.between(1, 30))],
    ])()
  }
  return draw.weighted<() => Fault>([
    [5, () => kill(draw.chance(0.95) ? draw.of(nodes.slice(1)) : nodes[0]!, draw.chance(0.5))],
    [3, () => pause(node)],
    [3, () => fullDisk(smallDisk, draw.of([0, 0, 20_000, 2_000_000]))],
  ])()
}

/** @param cuts from whom nothing comes to whom. */
function partition(lab: Lab, cuts: readonly (readonly [from: SoakNode, to: SoakNode])[]): Fault {
  return filter(lab, {
    name: `partition ${cuts.map(([from, to]) => `${from.name}>${to.name}`).join(' ')}`,
    rules: cuts.map(([from, to]) => [to, `ip saddr ${address(from)} drop`] as const),
  })
}

function loss(lab: Lab, nodes: readonly SoakNode[], percent: number): Fault {
  return filter(lab, {
    name: `loss ${percent}% at ${nodes.map(({ name }) => name).join(' ')}`,
    rules: nodes.map((node) => [node, `iifname "eth0" numgen random mod 100 < ${percent} drop`] as const),
  })
}

function filter(
  lab: Lab,
  options: { readonly name: string; readonly rules: readonly (readonly [node: SoakNode, rule: string])[] },
): Fault {
  const { name, rules } = options
  const hosts = [...new Set(rules.map(([node]) => node.host))]
  return {
    name,
    begin: async () => {
      for (const host of hosts) {
        const base = 'add table inet soak; add chain inet soak in { type filter hook input priority -300; }'
        const own = rules.filter(([node]) => node.host === host).map(([, rule]) => `add rule inet soak in ${rule}`)
        await lab.exec(host, 'nft', [base, ...own].join('; '))
      }
    },
    end: async () => {
      for (const host of hosts) await lab.exec(host, 'nft', 'delete table inet soak')
    },
  }
}

/** @param atOnce it starts again at once, else when the fault ends. */
function kill(node: SoakNode, atOnce: boolean): Fault {
  const start = async (): Promise<void> => {
    if (node.isDown) await node.start()
  }
  return {
    name: `kill ${node.name}${atOnce ? ' and start it' : ''}`,
    begin: async () => {
      await node.end('SIGKILL')
      if (atOnce) await start()
    },
    end: start,
  }
}

function pause(node: SoakNode): Fault {
  return { name: `stop ${node.name} for a while`, begin: () => node.pause(), end: () => node.continue() }
}

function fullDisk(disk: string, bytesLeft: number): Fault {
  const ballast = join(disk, 'ballast')
  return {
    name: `full disk but for ${bytesLeft} bytes`,
    begin: async () => {
      const piece = Buffer.alloc(1024 * 1024)
      const file = openSync(ballast, 'w')
      try {
        for (;;) {
          const { bavail, bsize } = statfsSync(disk)
          const room = Math.min(bavail * bsize - bytesLeft, piece.length)
          if (room <= 0) return
          writeSync(file, piece, 0, room)
          await sleep(0)
        }
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
      } finally {
        closeSync(file)
      }
    },
    end: () => rmSync(ballast, { force: true }),
  }
}

function address({ host }: SoakNode): string {
  return `10.77.0.${10 + host}`
}
