/** How the devices are joined; those that are not never meet. */
export type Topology = 'complete' | 'line' | 'star' | 'ring'

/**
 * `everyday`: no faults; `pair`: two devices and faults; the others have 3 to 5 devices and faults: `faults`, `databases`
 * that are lost or old, `guard` with so many files that removals wait for a person,
 * `taken` paths at which is what cannot be synced. The last is run where it is asked for.
 */
export type Profile = 'everyday' | 'pair' | 'faults' | 'databases' | 'guard' | 'taken'

const usual: readonly Profile[] = ['faults', 'databases', 'guard', 'pair', 'everyday']
export const profiles: readonly Profile[] = [...usual, 'taken']
// A schedule of many files costs as much as four others.
const turns: readonly Profile[] = [
  ...usual,
  ...(['faults', 'databases', 'faults', 'databases', 'faults'] as const),
  ...(['faults', 'databases', 'faults', 'pair', 'everyday'] as const),
  ...(['faults', 'databases', 'faults', 'databases', 'faults'] as const),
]

/** Of a seed, where none is asked for: sixteen of twenty have 3 to 5 devices and faults. */
export function profileOf(seed: number): Profile {
  return turns[seed % turns.length]!
}

/** All that a simulated run depends on, as plain JSON. */
export interface Schedule {
  readonly profile: Profile
  /** Of what is drawn while it runs: delays, identities, what a power cut leaves. */
  readonly seed: number
  readonly nodes: number
  readonly topology: Topology
  readonly delayMsMax: number
  /** Of each stream; 0 for no limit. */
  readonly bytesPerSecond: number
  /** The share of frames that are lost; streams are reliable, so such a frame comes late, and what is behind it waits. */
  readonly loss?: number
  /** What users save is on its way to the disk for up to half a minute, and a power cut may take it; else it is durable at once. */
  readonly lateSaves?: boolean
  readonly operations: readonly Operation[]
}

/** Node numbers are taken modulo the number of nodes, so that a schedule with fewer of them is one too. */
export type Operation =
  | { readonly type: 'write'; readonly node: number; readonly path: string; readonly how: WriteKind }
  | { readonly type: 'remove' | 'folder' | 'link' | 'chmod'; readonly node: number; readonly path: string }
  /** Of a large file: more at its end, or another line in its middle. */
  | { readonly type: 'grow' | 'change'; readonly node: number; readonly path: string }
  | { readonly type: 'rename' | 'copy'; readonly node: number; readonly path: string; readonly to: string }
  /** A FIFO, or a link that leads out of the folder, takes the place of what is there. */
  | { readonly type: 'take'; readonly node: number; readonly path: string; readonly how: 'fifo' | 'link' }
  /**
   * A program writes on through its mapping of the file that was last written at this path, wherever that is by now: its
   * bytes change, and neither its size nor its times. That is so for half a minute after its times changed.
   */
  | { readonly type: 'mapped'; readonly node: number; readonly path: string }
  /** An earlier content of this path, with its old time: the last but `back`, or one that p2psync has kept for 0. */
  | { readonly type: 'restore'; readonly node: number; readonly path: string; readonly back: number }
  | { readonly type: 'fill'; readonly node: number; readonly files: number }
  /** Four of five files, or all there is. */
  | { readonly type: 'mass'; readonly node: number; readonly how: 'remove' | 'rewrite' | 'empty' }
  /** A program that goes from file to file, pauses so long between them, and makes a folder now and then. */
  | { readonly type: 'program'; readonly node: number; readonly how: 'remove' | 'rewrite'; readonly ms: number }
  /** What waits for a person at this device. */
  | { readonly type: 'decide'; readonly node: number; readonly how: Decided }
  | { readonly type: 'edit-copy' | 'remove-copy'; readonly node: number }
  | { readonly type: 'part' | 'heal'; readonly node: number; readonly other: number }
  /** The connection breaks after so many frames more, and is made again. */
  | { readonly type: 'drop'; readonly node: number; readonly other: number; readonly frames: number }
  /** What `node` sends to `other` in this time comes after it: one way. */
  | { readonly type: 'stall'; readonly node: number; readonly other: number; readonly ms: number }
  /** Every frame from and to it takes so much longer. */
  | { readonly type: 'slow'; readonly node: number; readonly ms: number }
  /** What its files may take a second, each way; 0 for no limit. */
  | { readonly type: 'limit'; readonly node: number; readonly bytesPerSecond: number }
  | { readonly type: 'pause-folder' | 'resume-folder'; readonly node: number }
  /** The disk that the folder lies on is gone, or back. */
  | { readonly type: 'unmount' | 'mount'; readonly node: number }
  /** A bit of a file that others have too flips, and neither size nor times tell. */
  | { readonly type: 'rot'; readonly node: number; readonly path: string }
  | { readonly type: 'scrub'; readonly node: number }
  | { readonly type: 'restart' | 'off' | 'on' | 'deaf' | 'overflow' | 'full'; readonly node: number }
  /** SIGKILL, or a power cut, before so many calls more of the disk, the store or the network. */
  | { readonly type: 'kill' | 'cut-power'; readonly node: number; readonly calls: number }
  /** As `kill`, and it is not started again before the next quiet period. */
  | { readonly type: 'die'; readonly node: number; readonly calls: number }
  /** It is started again, and that ends so in the middle. */
  | { readonly type: 'kill-start' | 'cut-power-start'; readonly node: number; readonly calls: number }
  /** From so many calls of the disk on, `count` of them fail. */
  | {
      readonly type: 'disk-error'
      readonly node: number
      readonly code: 'EIO' | 'ENOSPC' | 'EMFILE'
      readonly calls: number
      readonly count: number
    }
  /** The user writes there right before so many of the calls that change the folder. */
  | { readonly type: 'edit-in-apply'; readonly node: number; readonly path: string; readonly calls: number }
  | { readonly type: 'clock'; readonly node: number; readonly offMs: number }
  | { readonly type: 'lose-database' | 'copy-database' | 'put-database-back'; readonly node: number }
  | { readonly type: 'pause'; readonly ms: number }
  /** Faults end, all rest, and everything is checked. */
  | { readonly type: 'quiet' }

/** After these a file may be shorter than its record. */
export const endings: ReadonlySet<string> = new Set<Operation['type']>([
  ...(['kill', 'cut-power', 'die', 'kill-start', 'cut-power-start'] as const),
  ...(['restart', 'off', 'lose-database', 'put-database-back', 'pause-folder', 'unmount'] as const),
])

export type Decided = 'approve' | 'reject'

/** `old`: with a time long ago; `save`: by a rename, as editors do; `same`: what others write too. */
export type WriteKind = 'small' | 'large' | 'empty' | 'old' | 'save' | 'same'

/** Whether two devices of a schedule are ever connected. */
export function mayMeet({ nodes, topology }: Pick<Schedule, 'nodes' | 'topology'>, a: number, b: number): boolean {
  const apart = Math.abs(a - b)
  if (topology === 'line') return apart === 1
  if (topology === 'star') return a === 0 || b === 0
  if (topology === 'ring') return apart === 1 || apart === nodes - 1
  return true
}
