import { isMapped, plain } from '../ledger.ts'
import type { Operation } from '../schedule.ts'
import type { CheckedRun } from './checked-run.ts'

/**
 * Every content that a user wrote is in the tree, or was replaced by somebody who had seen it. In the history, too, when
 * a user wrote in the very moment of an apply, when somebody has rejected what waited, or when a clock was behind and the
 * power went: what was saved then looks like an old version that came back. So is what was written through a mapping, until
 * the file is looked at again: another device's version may replace it before anybody has seen it.
 */
export function noSilentLoss({ schedule, world, ledger, lateSaves }: CheckedRun): string[] {
  const there = new Set([...world.devices[0]!.tree().values()].map(plain))
  const kept = new Set(world.devices.flatMap((device) => Array.from(device.history().values(), plain)))
  const types = new Set(schedule.operations.map(({ type }) => type))
  const looksOld = types.has('clock') && (types.has('cut-power') || types.has('cut-power-start'))
  for (const what of kept) if (isMapped(what)) there.add(what)
  if (looksOld || [...types].some((type) => mayBeKept.has(type))) {
    for (const what of kept) there.add(what)
  }
  for (const what of there) kept.add(what)
  const removed = lateSaves?.publishedAsRemoved() ?? []
  return [
    ...ledger.lost(there).map((what) => `lost: ${what.slice(0, 60)}`),
    ...ledger.notKept(kept).map((what) => `neither there nor in a history: ${what.slice(0, 60)}`),
    ...removed.map((path) => `published as removed, which a power cut had taken: ${path}`),
  ]
}

const mayBeKept: ReadonlySet<string> = new Set<Operation['type']>(['edit-in-apply', 'mass', 'program'])
