import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ApplyStep, HashRequest, HashResult, StepResult } from '../../src/ports/file-tasks.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { ReplicaWorld } from './replica-world.ts'

describe('what was put in place for a peer', () => {
  let world: ReplicaWorld
  beforeEach(() => {
    world = new ReplicaWorld()
  })
  afterEach(() => world.stop())

  it.each(['by its path', 'by a look at everything'])(
    'is not hashed when a look %s comes before its commit',
    async (look) => {
      const hashed: string[] = []
      class SlowCommit extends DiskFileTasks {
        override async apply(
          steps: readonly ApplyStep[],
          options: { history: string },
        ): Promise<readonly StepResult[]> {
          const results = await super.apply(steps, options)
          if (look === 'by its path') b.hint('file')
          else b.overflow()
          await world.clock.view().sleep(1000)
          return results
        }

        override hash(files: readonly HashRequest[]): Promise<readonly HashResult[]> {
          hashed.push(...files.map(({ path }) => path))
          return super.hash(files)
        }
      }
      const a = await world.add('alpha')
      const b = await world.add('beta', { newTasks: (deps) => new SlowCommit(deps) })
      b.write('other', 'is there')
      await world.rest()

      a.write('file', 'text')
      expect((await world.rest()).get('file')).toBe('file text')
      expect(hashed).not.toContain('file')
      expect(hashed).toContain('other')
    },
  )
})
