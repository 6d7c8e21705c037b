import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatFolderKey } from '../../src/node/key-text.ts'
import { StartWorld } from './start-world.ts'

const realKey = formatFolderKey(new Uint8Array(32).fill(7))
const patient = { timeout: 20_000 }
let world: StartWorld
beforeEach(async () => {
  world = await StartWorld.make()
})
afterEach(() => world.remove())

describe('the key that is given', () => {
  it('comes from a file before argv before the environment', async () => {
    const keys = [1, 2, 3].map((byte) => formatFolderKey(new Uint8Array(32).fill(byte)))
    await writeFile(join(world.base, 'key.txt'), `${keys[0]}\n`)
    const environment = { P2PSYNC_KEY: keys[2]! }
    const usedKey = async (argv: string[], name: string): Promise<string | null> => {
      const run = await world.started(['a', ...argv], { environment, home: join(world.base, name) })
      return run.startOptions()!.folders[0]!.key
    }
    expect(await usedKey(['--key-file', 'key.txt', '--key', keys[1]!], 'h1')).toBe(keys[0])
    expect(await usedKey(['--key', keys[1]!], 'h2')).toBe(keys[1])
    expect(await usedKey([], 'h3')).toBe(keys[2])
  })

  it('is typed unseen on a terminal, with corrections', async () => {
    const run = await world.started(['a', '--key', '-'], {
      keys: [`${realKey.slice(0, 9)}x`, '\u007F', `${realKey.slice(9)}\r`],
    })
    // The prompt is the only thing on stderr.
    expect(run.stderr()).toBe('Key of the folder: \n')
    await expect.poll(() => run.startOptions()?.folders[0]?.key, patient).toBe(realKey)
  })

  it('is never repeated', async () => {
    const run = await world.started(['a', '--key', realKey])
    expect(run.stdout()).toContain('p2psync key show a')
    expect(run.stdout() + run.stderr()).not.toContain(realKey)
  })

  it.each([
    [['a', '--key', `${realKey.slice(0, -1)}${realKey.endsWith('q') ? 'p' : 'q'}`], /typing error/],
    [['a', '--key', 'hello'], /not a p2psync key/],
    [['a', '--key-file', 'none.txt'], /cannot be read/],
    [['a', '--key', '-'], /no terminal/],
    [['a', 'b', '--key', realKey], /several folders/],
    [['--key', realKey], /without a folder/],
    [['--relink'], /without a folder/],
    [[''], /empty name/],
    [['a', '--rescan-interval', 'often'], /no interval between scans/],
    [['a', '--limit-up', 'fast'], /no limit of rate/],
    [['a', '--limit-schedule', 'monday up=1MB'], /no day, time or limit/],
    [['a', '--first', 'x'.repeat(2000)], /too long/],
    [['--last', '*.iso'], /--last is given without a folder/],
  ])('stops before anything is made when it is wrong, as any option: %j', async (argv, message) => {
    const run = world.start(argv)
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(message)
    expect(run.stderr()).not.toContain(realKey)
    expect(run.startOptions()).toBeNull()
    expect(await readdir(world.base)).toEqual([])
  })

  it('may be given up at the prompt', async () => {
    const run = world.start(['a', '--key', '-'], { keys: ['p2p', '\u0003'] })
    expect(await run.exitCode).toBe(2)
  })
})

describe('an empty key file', () => {
  it('is named', async () => {
    await writeFile(join(world.base, 'key.txt'), '\n')
    const run = world.start(['a', '--key-file', 'key.txt'])
    expect(await run.exitCode).toBe(2)
    expect(run.stderr()).toMatch(
      /^p2psync: the key file .*\/key\.txt is empty\nGive a file that holds nothing but the key/,
    )
  })
})
