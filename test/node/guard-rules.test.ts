import { beforeEach, describe, expect, it } from 'vitest'
import type { GuardLimits, HeldChanges } from '../../src/model/guard-limits.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { ChangeGuard } from '../../src/node/change-guard.ts'
import type { Loss } from '../../src/node/change-window.ts'
import { FolderGuard } from '../../src/node/folder-guard.ts'
import { ManualClock } from '../twins/manual-clock.ts'

const minutes = 60_000

function losses(from: number, count: number, folder = 'd'): Loss[] {
  return Array.from({ length: count }, (_, i) => ({
    path: parseRelativePath(`${folder}/${from + i}`),
    files: 1,
    content: '',
  }))
}

describe('one way of the change guard', () => {
  let clock: ManualClock
  let files: number
  let remembered: HeldChanges | null
  beforeEach(() => {
    clock = new ManualClock()
    files = 100
    remembered = null
  })

  function guardWith(limits: GuardLimits = { sharePercent: 50, files: 10_000 }): ChangeGuard {
    return new ChangeGuard({
      direction: 'outgoing',
      limits,
      clock,
      filesNow: () => files,
      held: remembered,
      onHeld: async (held) => {
        remembered = held
      },
    })
  }
  const refused = async (guard: ChangeGuard, lost: readonly Loss[]): Promise<number> =>
    (await guard.refuse(lost, 'laptop')).size

  it('holds nothing of fewer than twenty files, however small the folder is', async () => {
    files = 3
    const guard = guardWith({ sharePercent: 1, files: 1 })
    expect(await refused(guard, losses(0, 19))).toBe(0)
    expect(await refused(guard, losses(19, 1))).toBe(1)
  })

  it('takes its share of the files that there were before the first was lost', async () => {
    const guard = guardWith()
    for (let i = 0; i < 50; i++) {
      expect(await refused(guard, losses(i, 1))).toBe(0)
      files--
    }
    expect(await refused(guard, losses(50, 1))).toBe(1)
  })

  it('goes by the smaller of its two limits', async () => {
    expect(await refused(guardWith({ sharePercent: 30, files: 90 }), losses(0, 30))).toBe(0)
    expect(await refused(guardWith({ sharePercent: 30, files: 90 }), losses(0, 31))).toBe(31)
    remembered = null
    expect(await refused(guardWith({ sharePercent: 90, files: 30 }), losses(0, 31))).toBe(31)
  })

  it('never holds anything without limits, nor what it held before', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    expect(guardWith(null).held).toBeNull()
    expect(await refused(guardWith(null), losses(0, 100))).toBe(0)
  })

  it('counts what waits in a folder that waits as a whole once, whichever came first', async () => {
    const folder: Loss = { path: parseRelativePath('d'), files: 60, content: '' }
    for (const batches of [
      [losses(0, 60), [folder]],
      [[folder], losses(0, 60)],
    ]) {
      remembered = null
      const guard = guardWith()
      for (const batch of batches) expect(await refused(guard, batch)).toBe(batch.length)
      expect([guard.held?.files, [...guard.paths]]).toEqual([60, ['d']])
    }
  })

  it('lets each further loss wait while it holds, also when all of it was long ago', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    await clock.advance(20 * minutes)
    expect([guard.room, await refused(guard, losses(60, 1))]).toEqual([0, 1])
    expect(guard.held?.files).toBe(61)
    const again = guardWith()
    expect([again.room, again.held?.files, await refused(again, losses(61, 1))]).toEqual([0, 60, 1])
  })

  it('lets exactly what waited through once it is approved, at and below each path', async () => {
    const guard = guardWith()
    await refused(guard, [...losses(0, 60), { path: parseRelativePath('whole'), files: 5, content: '' }])
    await guard.approve()
    expect([guard.held, remembered]).toEqual([null, null])
    expect(await refused(guard, [...losses(0, 60), ...losses(0, 60, 'whole')])).toBe(0)
    expect(await refused(guard, losses(60, 60))).toBe(60)
  })

  it('counts anew what was approved and has gone through', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    await guard.approve()
    for (const { path } of losses(0, 60)) guard.passed(path)
    expect(await refused(guard, losses(0, 60))).toBe(60)
  })

  it('lets an approval end with the next look at everything, not with one that is under way', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    await guard.during(async () => {
      await refused(guard, losses(0, 60))
      await guard.approve()
      return true
    })
    expect(await refused(guard, losses(0, 60))).toBe(0)
    await guard.during(async () => true)
    expect(await refused(guard, losses(0, 60))).toBe(60)
  })

  it('ends with a whole look that does not find what waited, and with no other', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    expect(await guard.during(async () => false)).toBe(false)
    expect([guard.held?.files, guard.paths.size]).toEqual([60, 60])
    await guard.during(async () => (await refused(guard, losses(0, 40))) === 40)
    expect([guard.held?.files, remembered?.files]).toEqual([40, 40])
    await guard.during(async () => true)
    expect([guard.held, remembered]).toEqual([null, null])
  })

  it('lets a whole look pass where the database was an old one, and nothing after it', async () => {
    const guard = guardWith()
    await refused(guard, losses(0, 60))
    await guard.letLookPass()
    await guard.during(async () => (await refused(guard, losses(0, 90))) === 0)
    expect([guard.held, await refused(guard, losses(0, 60))]).toEqual([null, 60])
  })
})

it('remembers what waits of each way beside the other', async () => {
  let remembered: readonly HeldChanges[] = []
  const limits = { sharePercent: 50, files: 10_000 }
  const onHeld = async (held: readonly HeldChanges[]): Promise<void> => {
    remembered = held
  }
  const open = (): FolderGuard =>
    new FolderGuard({
      clock: new ManualClock(),
      filesNow: () => 100,
      guard: { limits, held: remembered, onHeld },
      onChange: () => undefined,
    })
  const guard = open()
  await guard.outgoing.refuse(losses(0, 60), 'laptop')
  await guard.incoming.refuse(losses(0, 70), 'desk')
  expect(remembered.map(({ direction, files }) => [direction, files])).toEqual([
    ['outgoing', 60],
    ['incoming', 70],
  ])
  const again = open()
  expect([again.outgoing.held?.device, again.incoming.held?.device]).toEqual(['laptop', 'desk'])
  await again.outgoing.lift()
  expect(remembered.map(({ device }) => device)).toEqual(['desk'])
})
