import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ReplicaWorld, type WorldDevice } from '../node/replica-world.ts'
import { minuteMs, root, scrubbed, scrubOf } from '../node/scrub-world.ts'

/** Bugs that other programs shipped. Those that older tests cover are in docs/reliability.md. */
describe('bugs of others', () => {
  let world: ReplicaWorld
  let a: WorldDevice
  let b: WorldDevice

  beforeEach(async () => {
    world = new ReplicaWorld()
    a = await world.add('alpha')
    b = await world.add('beta')
  })

  afterEach(() => world.stop())

  it('Nextcloud desktop #10547: files that a power cut has emptied are not published over the originals', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `text ${i}`)
    await emptyByPowerCut(texts)
    expect(a.tree().get('0')).toBe('file ')
    expect(Array.from(texts, (_, i) => b.tree().get(`${i}`))).toEqual(texts.map((text) => `file ${text}`))
    // What a user makes of one is an edit like any other; what a peer makes of one arrives.
    a.write('0', 'written anew')
    b.write('1', 'edited by beta')
    await world.clock.pass(minuteMs)
    expect([b.tree().get('0'), a.tree().get('1')]).toEqual(['file written anew', 'file edited by beta'])
  })

  it('Nextcloud desktop #10547: what a power cut has emptied is whole again when the folder was read anew', async () => {
    const texts = ['one', 'two']
    await emptyByPowerCut(texts)
    await world.clock.pass(11 * minuteMs)
    const scrub = await scrubOf(world, a)
    expect(await scrubbed(world, scrub)).toMatchObject({ damaged: 2, repaired: 2 })
    expect([a.tree().get('0'), a.tree().get('1')]).toEqual(['file one', 'file two'])
    await world.clock.during(scrub.stop())
  })

  /**
   * The journal has their names, and the times with them, and not yet their bytes. Of what was there before, all is on the
   * disk: enough of it that the change guard has nothing to say.
   */
  async function emptyByPowerCut(texts: readonly string[]): Promise<void> {
    for (let i = 0; i < 2 * texts.length; i++) a.write(`before/${i}`, `before ${i}`)
    await world.rest()
    a.disk.quietly(() => a.disk.syncFileSystem('/'))
    for (const [i, text] of texts.entries()) a.write(`${i}`, text)
    await world.rest()
    await world.clock.pass(10_000)
    await a.stop()
    for (const folder of ['/', '/home', root]) a.disk.quietly(() => a.disk.syncFolder(folder))
    a.disk.crash((path) => path.startsWith(`${root}/.p2psync`))
    await a.start()
    const isSaid = (): boolean => a.replica.view.status().problems.length === texts.length
    expect(await world.clock.run(isSaid, minuteMs)).toBe(true)
    await world.clock.pass(minuteMs)
  }

  it('rclone bisync: a file that changes between the look and the act, on either side, is never replaced or copied torn', async () => {
    const versions = Array.from({ length: 6 }, (_, i) => `${i}`.repeat(100_000))
    a.write('doc', versions[0]!)
    await world.rest()
    let next = 1
    for (const device of [a, b]) {
      device.disk.onCall = (operation, path) => {
        const isBetween = operation === 'read' || operation === 'rename' || operation === 'hardLink'
        if (!isBetween || !path.endsWith('/doc') || next === versions.length || path.includes('staging')) return
        device.write('doc', versions[next++]!)
      }
    }
    await world.clock.pass(1000)
    a.write('doc', 'x'.repeat(100_000))
    await world.clock.pass(120_000)
    for (const device of [a, b]) device.disk.onCall = undefined
    const written = new Set([...versions, 'x'.repeat(100_000)].map((text) => `file ${text}`))
    const tree = await world.rest()
    expect([...tree.values()].every((what) => written.has(what))).toBe(true)
    expect(next).toBeGreaterThan(1)
  })

  it('rclone #7270: a name in NFD and the same in NFC are one file, whoever has which', async () => {
    a.write('e\u0301te\u0301.txt', 'from alpha')
    b.write('\u00e9t\u00e9.txt', 'from alpha')
    const tree = await world.rest()
    expect([...tree]).toEqual([['\u00e9t\u00e9.txt', 'file from alpha']])
    // Of different contents it is a conflict of one file, and nothing is lost.
    a.write('u\u0308', 'of alpha')
    b.write('\u00fc', 'of beta')
    const both = new Map(await world.rest())
    both.delete('\u00e9t\u00e9.txt')
    expect([...both.values()].toSorted()).toEqual(['file of alpha', 'file of beta'])
    for (const name of both.keys()) expect(name).toBe(name.normalize('NFC'))
    expect(both.has('\u00fc')).toBe(true)
  })

  it('Mutagen #275: a replica whose folder and database are both gone fetches everything, and removes nothing', async () => {
    for (const path of ['one', 'd/two']) a.write(path, path)
    const before = await world.rest()
    await b.stop()
    b.loseDatabase()
    b.disk.quietly(() => b.disk.rename(root, `${root} away`))
    b.disk.makeFolders(root)
    await b.start()
    expect(await world.rest()).toEqual(before)
    expect([...a.history().values()].filter((what) => what !== 'folder ')).toEqual([])
  })

  it('Unison: a link to a disk that goes offline is neither followed nor read as deleted', async () => {
    a.write('disk/data', 'on the disk')
    a.link('link', 'disk')
    a.write('stays', 'stays')
    await world.rest()
    a.isDeaf = true
    a.disk.mount(`${root}/disk`)
    a.remove('disk/data')
    a.overflow()
    await world.clock.pass(60_000)
    expect(b.tree().get('link')).toBe('symlink disk')
    expect([b.tree().get('disk/data'), b.tree().get('stays')]).toEqual(['file on the disk', 'file stays'])
  })
})
