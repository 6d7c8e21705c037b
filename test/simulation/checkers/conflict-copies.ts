import type { CheckedRun } from './checked-run.ts'

/** A conflict of a copy makes one more copy of the original, never a copy of a copy. */
export function conflictCopies({ world }: CheckedRun): string[] {
  const paths = [...world.devices[0]!.tree().keys()]
  return paths.filter((path) => path.split('conflicted copy').length > 2).map((path) => `a copy of a copy: ${path}`)
}
