import type { ReplicaWorld } from '../../node/replica-world.ts'
import type { LateSaves } from '../late-saves.ts'
import type { Ledger } from '../ledger.ts'
import type { Schedule } from '../schedule.ts'
import type { SimulatedNode } from '../simulated-node.ts'

/** What a checker may look at: a run whose faults have ended. It returns what is wrong; nothing is well. */
export interface CheckedRun {
  readonly schedule: Schedule
  readonly world: ReplicaWorld
  readonly nodes: readonly SimulatedNode[]
  readonly ledger: Ledger
  /** Null where what users save is durable at once. */
  readonly lateSaves: LateSaves | null
}
