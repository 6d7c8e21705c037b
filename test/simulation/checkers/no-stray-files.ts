import { isResumableName } from '../../../src/blocks/staged-name.ts'
import type { CheckedRun } from './checked-run.ts'

/**
 * At rest no file is open, and nothing is staged but what a later try may go on with. A disk that failed may have kept
 * what was to be discarded: the next start does it.
 */
export function noStrayFiles({ schedule, world }: CheckedRun): string[] {
  const problems: string[] = []
  const failed = schedule.operations.some(({ type }) => type === 'disk-error')
  for (const device of world.devices) {
    const stray = [...device.staged().keys()].filter((staged) => !isResumableName(staged))
    if (stray.length > 0 && !failed) problems.push(`${device.name} has staged ${stray.join(', ')}`)
    if (device.disk.openHandles > 0) problems.push(`${device.name} has ${device.disk.openHandles} open handles`)
  }
  return problems
}
