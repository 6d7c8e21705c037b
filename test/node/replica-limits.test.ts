import { describe, expect, it } from 'vitest'
import type { PeerThrottles } from '../../src/node/folder-replica-deps.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import type { BlockReads, StepFailure } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import type { RateLimits } from '../../src/transfer/limit-timetable.ts'
import { ScheduledLimits } from '../../src/transfer/scheduled-limits.ts'
import { SeededRandom } from '../twins/seeded-random.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const KiB = 1024
const MiB = 1024 * KiB

function limitsIn(world: ReplicaWorld, limits: RateLimits): ScheduledLimits {
  return new ScheduledLimits({ clock: world.clock.view() }, { ...limits, schedule: [] })
}

function add(world: ReplicaWorld, name: string, limits: ScheduledLimits): Promise<WorldDevice> {
  return world.add(name, { throttles: (peer) => limits.throttles(peer, 'folder') })
}

/** Text that compression makes half as long at best. */
function noise(bytes: number): string {
  return Buffer.from(new SeededRandom(7).bytes(bytes)).toString('hex').slice(0, bytes)
}

describe('devices with limits', () => {
  it.each([
    ['sends', { up: 512 * KiB, down: null }, { up: null, down: null }],
    ['receives', { up: null, down: null }, { up: null, down: 512 * KiB }],
  ])('keep to the rate of the one that %s', async (_, ofSender, ofReceiver) => {
    const world = new ReplicaWorld()
    const a = await add(world, 'alpha', limitsIn(world, ofSender))
    await add(world, 'beta', limitsIn(world, ofReceiver))
    await world.rest()
    const [startMs, sentBefore] = [world.clock.view().monotonic(), world.network.bytesSent]
    a.write('big', noise(4 * MiB))
    await world.rest()
    const seconds = (world.clock.view().monotonic() - startMs) / 1000
    const bytes = world.network.bytesSent - sentBefore
    // The last piece goes in debt, which nobody waits for then.
    expect(bytes).toBeLessThan(512 * KiB * seconds * 1.02 + 1.1 * MiB)
    expect(seconds).toBeGreaterThan(2.5)
    expect(seconds).toBeLessThan(20)
    await world.stop()
  })

  it('tell each other of changes while blocks wait', async () => {
    const world = new ReplicaWorld()
    const a = await add(world, 'alpha', limitsIn(world, { up: 16 * KiB, down: null }))
    const b = await add(world, 'beta', limitsIn(world, { up: null, down: null }))
    await world.rest()
    a.write('big', noise(4 * MiB))
    await world.clock.pass(10_000)
    expect(b.replica.view.status().needed.files).toBe(1)
    a.makeFolder('news')
    expect(await world.clock.run(() => b.tree().has('news'), 2000)).toBe(true)
    await world.rest()
    await world.stop()
  })

  it.each([8 * KiB, 64 * KiB])('give up a version that was replaced while it came, at %i B/s', async (rate) => {
    const world = new ReplicaWorld()
    const a = await add(world, 'alpha', limitsIn(world, { up: null, down: null }))
    const limits = limitsIn(world, { up: null, down: rate })
    const b = await add(world, 'beta', limits)
    await world.rest()
    a.write('big', noise(4 * MiB))
    await world.clock.pass(5000)
    a.write('big', `${noise(3 * MiB)} and more`)
    await world.clock.pass(5000)
    expect(b.tree().has('big')).toBe(false)
    limits.choose({ up: null, down: null, schedule: [] })
    expect((await world.rest()).get('big')).toContain('and more')
    await world.stop()
  })

  it('fetch nothing twice where a job that took a file in vain ends after another one has taken it', async () => {
    const world = new ReplicaWorld()
    const limits = limitsIn(world, { up: 512 * KiB, down: null })
    let hasForgotten = true
    let askedBytes = 0
    class Forgetful extends DiskFileTasks {
      override async readBlocks(...args: Parameters<DiskFileTasks['readBlocks']>): Promise<BlockReads> {
        const reads = await super.readBlocks(...args)
        const found = reads.found.map((isFound, i) => isFound && !(hasForgotten && args[0][i]?.path === 'second'))
        for (const [i, { path, length }] of args[0].entries()) if (found[i] && path === 'second') askedBytes += length
        return { ...reads, found }
      }
    }
    class SlowToFinish extends DiskFileTasks {
      override async finishStaged(...args: Parameters<DiskFileTasks['finishStaged']>): Promise<readonly StepFailure[]> {
        await world.clock.view().sleep(1000)
        return super.finishStaged(...args)
      }
    }
    const throttles = (peer: DeviceId): PeerThrottles => limits.throttles(peer, 'folder')
    const a = await world.add('alpha', { throttles, newTasks: (deps) => new Forgetful(deps) })
    const b = await world.add('beta', { newTasks: (deps) => new SlowToFinish(deps) })
    await world.rest()
    a.write('first', noise(1.2 * MiB))
    a.write('second', noise(1.5 * MiB).toUpperCase())
    await world.clock.pass(1000)
    hasForgotten = false
    await world.clock.pass(30_000)
    expect(b.tree()).toEqual(a.tree())
    expect(askedBytes).toBe(1.5 * MiB)
    await world.stop()
  })

  it('go on at the new rate when a limit is changed meanwhile', async () => {
    const world = new ReplicaWorld()
    const limits = limitsIn(world, { up: 16 * KiB, down: null })
    const a = await add(world, 'alpha', limits)
    const b = await add(world, 'beta', limitsIn(world, { up: null, down: null }))
    await world.rest()
    a.write('big', noise(4 * MiB))
    await world.clock.pass(20_000)
    expect(b.tree().has('big')).toBe(false)
    limits.choose({ up: null, down: null, schedule: [] })
    expect(await world.clock.run(() => b.tree().has('big'), 5000)).toBe(true)
    await world.stop()
  })
})
