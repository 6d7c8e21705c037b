import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { printable } from '../../cli/printable.ts'
import { chunkParameters } from '../../src/blocks/chunk-parameters.ts'
import { singleBlockBytesMax } from '../../src/model/limits.ts'
import { compareRecords } from '../../src/vector-clock/order-records.ts'
import { ReplicaWorld, type WorldDevice } from '../node/replica-world.ts'
import { anyRecord } from '../vector-clock/any-record.ts'

const yearMs = 365 * 24 * 60 * 60_000

/** Bugs that Syncthing shipped, tried on whole devices. Those that older tests cover are in docs/reliability.md. */
describe('bugs of Syncthing', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  const sizes = (block: number): number[] => [0, 1, block - 1, block, block + 1]

  it.each([...sizes(singleBlockBytesMax), ...sizes(chunkParameters(2 ** 20).maxBytes).slice(2)])(
    'Syncthing #10331: an all-zero file of %i bytes, and one with a single byte behind its hole, arrive whole',
    async (sizeBytes) => {
      const zeros = '\0'.repeat(sizeBytes)
      a.write('zeros', zeros)
      a.write('hole', `${zeros}x`)
      const tree = await world.rest()
      expect([tree.get('zeros') === `file ${zeros}`, tree.get('hole') === `file ${zeros}x`]).toEqual([true, true])
      // Over bytes that are not zero, and back. In no instant of the disk's clock are there two versions.
      await world.clock.pass(1000)
      b.write('zeros', 'y'.repeat(sizeBytes))
      await world.rest()
      await world.clock.pass(1000)
      a.write('zeros', zeros)
      expect((await world.rest()).get('zeros') === `file ${zeros}`).toBe(true)
    },
  )

  it('Syncthing #3876, #6605: a database that is lost while the clock goes back a year loses no edit of either side', async () => {
    for (const path of ['mine', 'theirs', 'both', 'old']) a.write(path, `first ${path}`)
    await world.rest()
    await a.stop()
    a.loseDatabase()
    a.clockOffMs = -yearMs
    a.write('mine', 'edited by alpha')
    a.write('both', 'edited by alpha too')
    b.write('theirs', 'edited by beta')
    b.write('both', 'edited by beta too')
    await world.settle(b)
    await a.start()
    const contents = [...(await world.rest()).values()]
    for (const edit of ['alpha', 'beta', 'alpha too', 'beta too']) expect(contents).toContain(`file edited by ${edit}`)
    expect(contents).toContain('file first old')
  })

  it('Syncthing #5571: a file that no scan has seen is not replaced by one that a peer has at its path', async () => {
    b.isDeaf = true
    b.write('doc', 'nobody has seen this')
    a.write('doc', 'from alpha')
    const contents = [...(await world.rest()).values()].sort()
    expect(contents).toEqual(['file from alpha', 'file nobody has seen this'])
  })

  it('Syncthing #6090: a deletion does not go through a symlink that took the place of its folder', async () => {
    a.write('d/x', 'in d')
    a.write('e/x', 'in e')
    await world.rest()
    b.isDeaf = true
    b.rename('d', 'd away')
    b.link('d', 'e')
    a.remove('d/x')
    await world.clock.pass(10_000)
    expect(b.tree().get('e/x')).toBe('file in e')
    b.isDeaf = false
    b.overflow()
    const tree = await world.rest()
    expect(tree.get('e/x')).toBe('file in e')
    expect([...tree.values()]).toContain('file in d')
  })

  it('Syncthing #10207: the order of records stays total with deletes, which lose: no three of them go round', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 3, maxLength: 6 }), (records) => {
        const sorted = records.toSorted(compareRecords)
        for (const [i, low] of sorted.entries()) {
          for (const high of sorted.slice(i)) expect(compareRecords(low, high)).toBeLessThanOrEqual(0)
        }
        const firstDeleted = sorted.findIndex((record) => record.kind === 'tombstone')
        const lastDeleted = sorted.findLastIndex((record) => record.kind === 'tombstone')
        if (firstDeleted >= 0) expect([firstDeleted, lastDeleted + 1]).toEqual([0, count(records, 'tombstone')])
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['a file', 'Notes.txt', 'notes.txt'],
    ['a file in a folder whose name changes too', 'D/One', 'd/one'],
  ])('Syncthing #1787, #2739, #5708: a rename of %s in case only is a rename', async (_, from, to) => {
    a.write(from, 'precious')
    a.write('other', 'other')
    await world.rest()
    if (from.includes('/')) a.rename('D', 'd')
    a.rename(from.replace('D/', 'd/'), to)
    const tree = await world.rest()
    const files = [...tree].filter(([, what]) => what !== 'folder ')
    expect(files).toEqual([
      [to, 'file precious'],
      ['other', 'file other'],
    ])
    a.rename(to, to.toUpperCase())
    a.write(to, 'a second file, whose name differs in case only')
    const both = [...(await world.rest())].filter(([, what]) => what !== 'folder ')
    const second = 'file a second file, whose name differs in case only'
    expect(new Map(both)).toEqual(
      new Map([
        [to.toUpperCase(), 'file precious'],
        [to, second],
        ['other', 'file other'],
      ]),
    )
  })

  it('Syncthing #2619: no second copy is made of a loser that has one already', async () => {
    a.write('doc', 'base')
    await world.rest()
    world.network.partition(a.id, b.id)
    a.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
    b.write('doc', 'winner', { mtimeMs: Date.UTC(2020, 1, 2) })
    await world.settle(a, b)
    world.network.heal()
    const first = await world.rest()
    expect([...first.values()].sort()).toEqual(['file loser', 'file winner'])
    // The same conflict once more: a device that has the loser and knows nothing, and the copy beside it.
    await a.stop()
    a.loseDatabase()
    a.write('doc', 'loser', { mtimeMs: Date.UTC(2020, 1, 1) })
    await a.start()
    const second = await world.rest()
    expect([...second.values()].sort()).toEqual(['file loser', 'file winner'])
    expect([...second.keys()].sort()).toEqual([...first.keys()].sort())
  })

  it('Syncthing #5660: a rename that is seen in two rounds loses nothing and sends no content again', async () => {
    const text = 'a line of some length\n'.repeat(20_000)
    a.write('from', text)
    await world.rest()
    a.isDeaf = true
    a.rename('from', 'to')
    const { bytesSent } = world.network
    a.hint('from')
    await world.clock.run(() => b.tree().size === 0, 60_000)
    expect([...b.history().values()].includes(`file ${text}`)).toBe(true)
    a.hint('to')
    expect((await world.rest()).get('to') === `file ${text}`).toBe(true)
    expect(world.network.bytesSent - bytesSent).toBeLessThan(20_000)
  })
})

describe('hostile names', () => {
  it('Syncthing CVE-2022-46165: what a peer calls itself or a file writes nothing to a terminal but text', () => {
    const hostile = ['\u001b]0;title\u0007', '\r\u001b[2Kp2psync: all is well', 'a\nb', '\u202egpj.exe', '\u009b31m']
    for (const name of hostile) expect(printable(name)).toMatch(/^[\x20-\x7e]*$/)
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(printable(name)).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u)
      }),
    )
  })
})

function count(records: readonly { readonly kind: string }[], kind: string): number {
  return records.filter((record) => record.kind === kind).length
}
