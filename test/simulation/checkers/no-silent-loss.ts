import { plain } from '../ledger.ts'
import type { Operation } from '../schedule.ts'
import type { CheckedRun } from './checked-run.ts'

/**
 * Every content that a user wrote is in the tree, or was replaced by somebody who had seen it. In the history, too, when
 * a user wrote in the very moment of an apply, when somebody has rejected what waited, or when a clock was behind and the
 * power went: what was saved then looks like an old version that came back.
 */
export function noSilentLoss({ schedule, world, ledger }: CheckedRun): string[] {
  const there = new Set([...world.devices[0]!.tree().values()].map(plain))
  const types = new Set(schedule.operations.map(({ type }) => type))
  const looksOld = types.has('clock') && (types.has('cut-power') || types.has('cut-power-start'))
  if (looksOld || [...types].some((type) => mayBeKept.has(type))) {
    for (const device of world.devices) for (const what of device.history().values()) there.add(plain(what))
  }
  return ledger.lost(there).map((what) => `lost: ${what.slice(0, 60)}`)
}

const mayBeKept: ReadonlySet<string> = new Set<Operation['type']>(['edit-in-apply', 'mass', 'program'])
