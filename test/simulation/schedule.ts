/** How the devices are joined; those that are not never meet. */
export type Topology = 'complete' | 'line' | 'star' | 'ring'

export type Profile = 'everyday' | 'faults' | 'databases'

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
  readonly operations: readonly Operation[]
}

/** Node numbers are taken modulo the number of nodes, so that a schedule with fewer of them is one too. */
export type Operation =
  | { readonly type: 'write'; readonly node: number; readonly path: string; readonly how: WriteKind }
  | { readonly type: 'remove' | 'folder' | 'link' | 'chmod'; readonly node: number; readonly path: string }
  /** Of a large file: more at its end, or another line in its middle. */
  | { readonly type: 'grow' | 'change'; readonly node: number; readonly path: string }
  | { readonly type: 'rename' | 'copy'; readonly node: number; readonly path: string; readonly to: string }
  | { readonly type: 'edit-copy' | 'remove-copy'; readonly node: number }
  | { readonly type: 'part' | 'heal'; readonly node: number; readonly other: number }
  /** The connection breaks after so many frames more, and is made again. */
  | { readonly type: 'drop'; readonly node: number; readonly other: number; readonly frames: number }
  /** What `node` sends to `other` in this time comes after it: one way. */
  | { readonly type: 'stall'; readonly node: number; readonly other: number; readonly ms: number }
  | { readonly type: 'restart' | 'off' | 'on' | 'deaf' | 'overflow' | 'full'; readonly node: number }
  /** SIGKILL, or a power cut, before so many calls more of the disk, the store or the network. */
  | { readonly type: 'kill' | 'cut-power'; readonly node: number; readonly calls: number }
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
