import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { readTree } from '../e2e/folder-tree.ts'
import type { NodeProcess } from '../e2e/node-process.ts'
import { World } from '../e2e/world.ts'
import { write } from '../e2e/write-files.ts'

/** Bugs that only a process of its own can have. */
describe('bugs of processes', () => {
  it.skipIf(process.platform !== 'linux')(
    'croc CVE-2023-43621, Dropbox 2014: the key is in no list of processes, and a folder that is removed from a node that is killed keeps its files',
    async () => {
      await using world = await World.of(['A'])
      const [a] = world.nodes as [NodeProcess]
      write(a.folder, 'd/precious', 'precious')
      await a.start()
      const shown = readFileSync(`/proc/${a.pid}/cmdline`, 'utf8')
      expect([shown.includes('start'), shown.includes(world.key)]).toEqual([true, false])
      expect(a.output.stdout + a.output.stderr).not.toContain(world.key)
      const before = readTree(a.folder)
      const removed = a.cli('remove', a.folder)
      await a.until(async () => (await a.status()) === null, 'the folder to go from the node')
      await a.stop('SIGKILL')
      await removed
      expect(readTree(a.folder)).toEqual(before)
    },
  )

  it('js-libp2p #3512: the libp2p that is installed is one that no exception of a peer ends', () => {
    const lock = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
      packages: Record<string, { version?: string }>
    }
    const installed = Object.entries(lock.packages).filter(([path]) => path.endsWith('node_modules/@libp2p/utils'))
    expect(installed.length).toBeGreaterThan(0)
    for (const [, { version = '' }] of installed) {
      const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number)
      expect(major * 1e6 + minor * 1e3 + patch).toBeGreaterThanOrEqual(7_002_002)
    }
  })
})
