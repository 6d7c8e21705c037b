import { parseArgs } from 'node:util'
import { ConfinedDisk } from '../src/disk/confined-disk.ts'
import { NodeDisk } from '../src/disk/node-disk.ts'
import { actWhileSwapped } from '../test/disk/act-while-swapped.ts'

/**
 * Reads and changes what lies below folders that another thread swaps for symlinks and back, and tells what was led outside.
 * `node scripts/swap.ts [--swaps 1000000] [--seed 1] [--disk held|checked|plain]`; ends with 1 after an escape.
 * `checked` is what systems without handles that can be named get, `plain` what there was without confinement.
 */
const { values } = parseArgs({
  options: {
    swaps: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: '1' },
    disk: { type: 'string', default: 'held' },
  },
})

function openDisk(root: string): NodeDisk {
  return values.disk === 'plain' ? new NodeDisk() : new ConfinedDisk(root, { holds: values.disk === 'held' })
}

const startedMs = performance.now()
const { swaps, tried, done, escapes } = await actWhileSwapped(openDisk, {
  swaps: Number(values.swaps),
  seed: Number(values.seed),
})
const seconds = (performance.now() - startedMs) / 1000
const rate = Math.round(swaps / seconds)
console.log(`${swaps} swaps in ${seconds.toFixed(1)} s (${rate}/s), ${tried} acts, ${done} of them done`)
console.log(escapes.length === 0 ? 'no escape' : `escapes:\n${escapes.join('\n')}`)
process.exitCode = escapes.length === 0 ? 0 : 1
