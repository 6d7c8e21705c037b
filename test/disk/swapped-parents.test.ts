import { describe, expect, it } from 'vitest'
import { ConfinedDisk } from '../../src/disk/confined-disk.ts'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import { actWhileSwapped } from './act-while-swapped.ts'

/** A million swaps: `node scripts/swap.ts --swaps 1000000`. */
describe.runIf(process.platform === 'linux')('while a thread swaps parents for symlinks', { timeout: 60_000 }, () => {
  it('nothing outside is read or changed, whatever is done', async () => {
    const report = await actWhileSwapped((root) => new ConfinedDisk(root), { swaps: 20_000, seed: 1 })
    expect(report.escapes).toEqual([])
    expect(report.swaps).toBe(20_000)
    expect(report.done).toBeGreaterThan(0)
  })

  it('plain paths are led outside, which shows that this test can see it', async () => {
    const report = await actWhileSwapped(() => new NodeDisk(), { swaps: 20_000, seed: 1 })
    expect(report.escapes).not.toEqual([])
  })
})
