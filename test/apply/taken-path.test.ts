import { execFileSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { makeFolder, moveFile, moveFolder, placeFile, placeLink, remove, removeFolder, setMetadata } from './steps.ts'
import { worlds, type World } from './world.ts'

/** Whether the index knows that the file has gone or not. */
const steps: readonly (readonly [string, (world: World, old: DiskState) => ApplyStep])[] = [
  ['a file', (world) => placeFile('x', null, world.stage('s', 'new'))],
  ['a file, where one was', (world, old) => placeFile('x', old, world.stage('s', 'new'))],
  ['a file, where one was that is to be kept', (world, old) => placeFile('x', old, world.stage('s', 'new'), 'copy')],
  ['a link', () => placeLink('x', null, 'target')],
  ['a link, where a file was', (_, old) => placeLink('x', old, 'target')],
  ['a folder', () => makeFolder('x', null)],
  ['a folder, where a file was', (_, old) => makeFolder('x', old)],
  ['a file below', (world) => placeFile('x/y', null, world.stage('s', 'new'))],
  ['a moved file', (world) => moveFile('x', null, { path: 'from', disk: world.write('from', 'from') })],
  ['a moved folder', (world) => moveFolder('x', 'd', (world.folder('d'), world.state('d')))],
  ['nothing, where a file was', (_, old) => remove('x', old)],
  ['nothing, where a folder was', (world) => removeFolder('x', (world.folder('d'), world.state('d')))],
  ['another time', (_, old) => setMetadata('x', old)],
]

function makeFifo({ disk, root }: World): void {
  if (disk instanceof MemoryDisk) disk.makeOther(`${root}/x`)
  else execFileSync('mkfifo', [`${root}/x`])
}

const obstacles: readonly (readonly [string, (world: World) => void])[] = [
  ['FIFO', makeFifo],
  ['link that leads out of the folder', ({ disk, root }) => disk.makeLink(`${root}/x`, '../outside')],
]

describe.each(worlds)('a path that something which is not synced has taken %s', (_name, makeWorld) => {
  describe.each(obstacles)('a %s', (_what, put) => {
    it.each(steps)('keeps that, though %s is to be there', (_step, stepFor) => {
      using world = makeWorld()
      const old = world.write('x', 'old')
      world.disk.unlink(`${world.root}/x`)
      put(world)
      const there = world.disk.lstat(`${world.root}/x`)
      const step = stepFor(world, old)
      const before = world.visible()
      const [result] = world.apply([step])
      expect(result?.outcome).toMatch(/^(changed|blocked)$/)
      expect([world.visible(), world.disk.lstat(`${world.root}/x`)]).toEqual([before, there])
      expect(world.outsideTree()).toEqual({})
    })
  })
})
