import type { CheckedRun } from './checked-run.ts'

/** All devices come to rest within three minutes of the last fault, with the same root and the same tree. */
export async function convergence({ world }: CheckedRun): Promise<string[]> {
  try {
    await world.rest()
    return []
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
}
