import type { CheckedRun } from './checked-run.ts'

/** Nothing was changed outside of the folder. */
export function confinement({ nodes }: CheckedRun): string[] {
  return nodes.flatMap(({ device, faults }) => faults.escapes.map((what) => `${device.name}: ${what}`))
}
