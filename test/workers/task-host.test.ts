import { describe, expect, it } from 'vitest'
import { TaskHost } from '../../src/workers/task-host.ts'
import type { WorkerAnswer } from '../../src/workers/worker-messages.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'

const session = { number: 1, root: '/folder' }

function hostWith(count: number): { host: TaskHost; types: string[] } {
  const disk = new MemoryDisk()
  for (let i = 0; i < count; i++) disk.writeFile(`/folder/${i}`, '')
  const types: string[] = []
  return { host: new TaskHost({ openDisk: () => disk, send: ({ type }: WorkerAnswer) => types.push(type) }), types }
}

// More turns of the loop than a scan of the tests has slices.
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await new Promise(setImmediate)
}

describe('TaskHost', () => {
  it('scans no more than two batches ahead of who reads', async () => {
    const { host, types } = hostWith(4500)
    host.handle({ type: 'scan', id: 1, session, start: '' })
    await settle()
    expect(types).toEqual(['listing', 'listing'])
    host.handle({ type: 'scan-more', id: 1 })
    await settle()
    expect(types).toEqual(['listing', 'listing', 'listing'])
    for (let i = 0; i < 3; i++) host.handle({ type: 'scan-more', id: 1 })
    await settle()
    expect(types).toEqual(['listing', 'listing', 'listing', 'listing', 'listing', 'scan-end'])
  })

  it('forgets a scan that nobody reads', async () => {
    const { host, types } = hostWith(4500)
    host.handle({ type: 'scan', id: 1, session, start: '' })
    await settle()
    host.handle({ type: 'scan-stop', id: 1 })
    host.handle({ type: 'scan-more', id: 1 })
    await settle()
    expect(types).toEqual(['listing', 'listing'])
  })

  it('answers each call once, with a failure where the task failed', async () => {
    const { host, types } = hostWith(1)
    host.handle({ type: 'call', id: 1, session, name: 'listStaged', args: [] })
    host.handle({ type: 'call', id: 2, session: { number: 2, root: '/none' }, name: 'freeBytes', args: [] })
    await settle()
    expect(types).toEqual(['result', 'failed'])
  })

  it('closes while a scan waits for its reader', async () => {
    const { host, types } = hostWith(4500)
    host.handle({ type: 'scan', id: 1, session, start: '' })
    await settle()
    await host.close()
    expect(types).toEqual(['listing', 'listing'])
  })
})
