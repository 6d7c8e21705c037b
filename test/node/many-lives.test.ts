import { afterEach, beforeEach, expect, it } from 'vitest'
import type { IndexRow } from '../../src/file-index/folder-index.ts'
import { versionEntriesMax } from '../../src/model/limits.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { VersionVector } from '../../src/model/version-vector.ts'
import type { WriterId } from '../../src/model/writer-id.ts'
import { ReplicaWorld, type WorldDevice } from './replica-world.ts'

const path = 'notes' as RelativePath

let world: ReplicaWorld
let a: WorldDevice
let b: WorldDevice

beforeEach(async () => {
  world = new ReplicaWorld()
  a = await world.add('alpha')
  b = await world.add('beta')
})

afterEach(() => world.stop())

async function rowOf(device: WorldDevice): Promise<IndexRow> {
  const row = await device.replica.index.get(path)
  if (row === null) throw new Error(`${device.name} has no row`)
  return row
}

/** The file was written in as many lives of databases as a record can name. */
async function begin(counter: number): Promise<void> {
  const lives = Array.from({ length: versionEntriesMax }, (_, i): VersionVector[number] => {
    return [i.toString(16).padStart(32, '0') as WriterId, counter + i]
  })
  a.write('notes', 'old')
  await world.rest()
  const { record, disk } = await rowOf(a)
  await a.replica.index.commit([{ record: { ...record, version: lives }, disk }])
  a.replica.onChange()
  await world.clock.pass(1000)
  await world.rest()
}

/** In turns; after each one all have the same. */
async function saveInTurns(): Promise<Map<string, string>> {
  let tree = new Map<string, string>()
  for (const [turn, device] of [a, b, a, a, b].entries()) {
    device.write('notes', `turn ${turn}`)
    await world.clock.pass(5000)
    tree = await world.rest()
    expect([...tree.values()]).toContain(`file turn ${turn}`)
    for (const other of [a, b])
      expect((await rowOf(other)).record.version.length).toBeLessThanOrEqual(versionEntriesMax)
  }
  return tree
}

it('a file that was written in more lives than a record can name is synced like others', async () => {
  await begin(1)
  expect([...(await saveInTurns())]).toEqual([['notes', 'file turn 4']])
  a.remove('notes')
  expect([...(await world.rest())]).toEqual([])
  b.write('notes', 'again')
  await world.clock.pass(5000)
  await world.add('gamma')
  expect([...(await world.rest())]).toEqual([['notes', 'file again']])
})

it('and loses nothing on devices that have counted less than all of them', async () => {
  await begin(1_000_000)
  const tree = await saveInTurns()
  expect(tree.get('notes')).toBe('file turn 4')
})
