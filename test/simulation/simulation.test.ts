import { describe, expect, it } from 'vitest'
import { keptSchedules } from './kept-schedules.ts'
import { makeSchedule } from './make-schedule.ts'
import { runSchedule } from './run-schedule.ts'
import type { Profile } from './schedule.ts'
import { tracesElsewhere, tracesOf } from './traces.ts'

/** Seeds from 1 on: 300 schedules with 3 to 5 devices and faults, and some others. More of them: `npm run simulate`. */
const counts = { faults: 190, databases: 100, guard: 10, pair: 15, everyday: 10, taken: 40 } as const satisfies Record<
  Profile,
  number
>

async function failuresOf(profile: Profile): Promise<string[]> {
  const failures: string[] = []
  for (let seed = 1; seed <= counts[profile]; seed++) {
    const { problem } = await runSchedule(makeSchedule(seed, profile))
    if (problem !== null) failures.push(`${profile} ${seed}: ${problem}`)
  }
  return failures
}

describe('whole devices under schedules from a seed', { timeout: 10 * 60_000 }, () => {
  it('keep what is promised through what users do, partitions and restarts', async () => {
    expect(await failuresOf('everyday')).toEqual([])
  })

  it('keep it through kills, power cuts, disks that fail, links that stall and edits in the middle of an apply', async () => {
    expect(await failuresOf('faults')).toEqual([])
  })

  it('keep it through databases that are lost or old', async () => {
    expect(await failuresOf('databases')).toEqual([])
  })

  it('keep it through removals and rewrites of most files, and what persons say to them', async () => {
    expect(await failuresOf('guard')).toEqual([])
  })

  it('keep it where something that is not synced takes the place of files and folders', async () => {
    expect(await failuresOf('taken')).toEqual([])
  })

  it('keep it where there are only two of them', async () => {
    expect(await failuresOf('pair')).toEqual([])
  })
})

describe('schedules that failed once', () => {
  it.each(keptSchedules.map(({ name, schedule }) => [name, schedule] as const))('%s', async (_, schedule) => {
    expect(await runSchedule(schedule)).toMatchObject({ problem: null })
  })
})

describe('a seed', () => {
  it.each<[number, Profile]>([
    [7, 'everyday'],
    [11, 'faults'],
    [13, 'faults'],
    [17, 'databases'],
  ])('gives the same run again: %i, %s', async (seed, profile) => {
    const [first, second] = [
      await runSchedule(makeSchedule(seed, profile), { traced: true }),
      await runSchedule(makeSchedule(seed, profile), { traced: true }),
    ]
    expect(second).toEqual(first)
    const other = await runSchedule(makeSchedule(seed + 1, profile), { traced: true })
    expect(other.trace).not.toBe(first.trace)
  })

  it('gives the same run in another process', async () => {
    const seeds = { seed: 1, runs: 5 }
    expect(await tracesElsewhere(seeds)).toBe(await tracesOf(seeds))
  })
})
