import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Finding } from '../../src/doctor/finding.ts'
import { DoctorWorld } from '../doctor/doctor-world.ts'
import { runInMemory } from './run-in-memory.ts'

let world: DoctorWorld
beforeEach(async () => {
  world = await DoctorWorld.make()
})
afterEach(() => world.remove())

async function doctor(...argv: readonly string[]): Promise<{ code: number; stdout: string }> {
  const cli = runInMemory(['doctor', ...argv], { home: world.home.path, workingFolder: world.folder })
  return { code: await cli.exitCode, stdout: cli.stdout() }
}

it('prints what is wrong, what to do, and exits with 1', async () => {
  await world.writeMarker('34'.repeat(16))
  const { code, stdout } = await doctor()
  expect(code).toBe(1)
  expect(stdout).toContain(`\n${world.folder}\n`)
  expect(stdout).toMatch(/PROBLEM  its marker .*\n {9}If it lies on a disk that is not mounted/)
})

it('says the same as JSON', async () => {
  const { findings } = JSON.parse((await doctor('--json')).stdout) as { findings: Finding[] }
  expect(findings.find(({ check }) => check === 'marker')).toEqual({
    check: 'marker',
    result: 'ok',
    folder: world.folder,
    message: 'its marker is right',
    hint: '',
  })
})

it('looks at one folder alone, which a path in the working folder names', async () => {
  await mkdir(join(world.folder, 'sub'))
  const { stdout } = await doctor('sub')
  expect(stdout).toContain(`\n${join(world.folder, 'sub')}\n`)
  expect(stdout).toContain('this folder is not synced by this node')
})
