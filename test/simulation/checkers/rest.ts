import type { CheckedRun } from './checked-run.ts'

/** Devices at rest send nothing and find nothing to do. */
export async function rest({ world }: CheckedRun): Promise<string[]> {
  await world.clock.pass(1000)
  const { framesSent } = world.network
  const seqs = world.devices.map(({ replica }) => replica.index.seq)
  await world.clock.pass(5000)
  const problems: string[] = []
  if (world.network.framesSent !== framesSent) problems.push(`${world.network.framesSent - framesSent} frames at rest`)
  if (world.devices.some(({ replica }, i) => replica.index.seq !== seqs[i])) problems.push('records at rest')
  try {
    await world.rest()
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  }
  return problems
}
