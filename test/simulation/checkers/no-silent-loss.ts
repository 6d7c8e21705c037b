import { plain } from '../ledger.ts'
import type { Operation } from '../schedule.ts'
import type { CheckedRun } from './checked-run.ts'

/**
 * Every content that a user wrote is in the tree, or was replaced by somebody who had seen it. In the history, too, when
 * a user wrote in the very moment of an apply, or when somebody has rejected what waited.
 */
export function noSilentLoss({ schedule, world, ledger }: CheckedRun): string[] {
  const there = new Set([...world.devices[0]!.tree().values()].map(plain))
  if (schedule.operations.some(({ type }) => mayBeKept.has(type))) {
    for (const device of world.devices) for (const what of device.history().values()) there.add(plain(what))
  }
  return ledger.lost(there).map((what) => `lost: ${what.slice(0, 60)}`)
}

const mayBeKept: ReadonlySet<string> = new Set<Operation['type']>(['edit-in-apply', 'mass', 'program'])
