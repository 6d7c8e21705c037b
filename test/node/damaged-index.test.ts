import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { deviceTagOf } from '../../src/node/device-identity.ts'
import { deriveFolderKeys } from '../../src/node/folder-keys.ts'
import { RunningFolder } from '../../src/node/running-folder.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import { unlimited } from '../../src/ports/throttle.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { MemoryNetwork } from '../twins/memory-network.ts'
import { ReplicaWorld } from './replica-world.ts'

const keys = deriveFolderKeys(new Uint8Array(32).fill(7))
const marker = { folder: parseFolderId(keys.folder), nonce: '00'.repeat(16) }

/** A folder with its real index on a real disk; what changes is found by the scan of a start. */
class Device {
  readonly root: string
  readonly state: string
  folder: RunningFolder | null = null
  readonly #id: DeviceId
  readonly #network: MemoryNetwork

  constructor(home: string, letter: string, network: MemoryNetwork) {
    this.root = join(home, letter, 'folder')
    this.state = join(home, letter, 'state')
    this.#id = `12D3Koo${letter.repeat(45)}` as DeviceId
    this.#network = network
    mkdirSync(this.root, { recursive: true })
    mkdirSync(this.state)
  }

  get index(): string {
    return join(this.state, 'index')
  }

  async start(): Promise<void> {
    const openTasks = (root: string): DiskFileTasks => new DiskFileTasks({ disk: new NodeDisk(), root })
    await openTasks(this.root).prepareRoot(marker)
    this.folder = await RunningFolder.open(
      { path: this.root, keys, marker, order: noOrder, paused: false, indexFolder: this.index },
      {
        deviceName: 'device',
        deviceTag: deviceTagOf(this.#id),
        transport: this.#network.transport(this.#id),
        clock: systemClock,
        random: systemRandom,
        logger: silentLogger,
        openTasks,
        rescanIntervalMs: 0,
        throttles: () => ({ up: unlimited, down: unlimited }),
        newWatcher: () => ({ start: () => Promise.resolve(), stop: () => Promise.resolve() }),
        onChange: () => undefined,
        onFatal: (what, error) => {
          throw new Error(what, { cause: error })
        },
      },
    )
  }

  async stop(): Promise<void> {
    const folder = this.folder
    this.folder = null
    await folder?.close()
  }

  write(path: string, text: string): void {
    writeFileSync(join(this.root, path), text)
  }

  tree(): Record<string, string> {
    const names = readdirSync(this.root).filter((name) => name !== '.p2psync')
    return Object.fromEntries(names.map((name) => [name, readFileSync(join(this.root, name), 'utf8')]))
  }

  /** A file of the database whose name has this in it. */
  file(part: string): string {
    return join(
      this.index,
      readdirSync(this.index).find((name) => name.includes(part))!,
    )
  }

  async put(key: string, value: Uint8Array): Promise<void> {
    const store = await openLevelStore(this.index)
    await store.batch([{ type: 'put', key: Buffer.from(key), value }], { durable: true })
    await store.close()
  }

  setAside(): string[] {
    return readdirSync(this.state).filter((name) => name.startsWith('index.'))
  }
}

async function settle(...devices: readonly Device[]): Promise<void> {
  const states = (): (string | undefined)[] => devices.map((device) => device.folder?.replica.view.status().state)
  await vi.waitFor(() => expect(new Set(states())).toEqual(new Set(['in-sync'])), { timeout: 20_000, interval: 20 })
}

let home = ''
let a: Device
let b: Device

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'p2psync-damage-'))
  const network = new MemoryNetwork()
  a = new Device(home, 'a', network)
  b = new Device(home, 'b', network)
  for (let i = 0; i < 40; i++) a.write(`same ${i}`, `text ${i}`)
  await b.start()
})

beforeEach(async () => {
  a.write('edited', 'old')
  a.write('deleted', 'here')
  for (const device of [a, b]) rmSync(join(device.root, 'new'), { force: true })
  // Each start writes the log of the one before into a table.
  for (let i = 0; i < 2; i++) {
    await a.stop()
    await a.start()
  }
  await settle(a, b)
  await a.stop()
})

afterAll(async () => {
  await a.stop()
  await b.stop()
  rmSync(home, { recursive: true, force: true })
})

/** What B's user does while A is off. */
async function changeOthers(): Promise<void> {
  b.write('edited', 'new')
  b.write('new', 'new')
  rmSync(join(b.root, 'deleted'))
  await b.stop()
  await b.start()
}

describe('a folder whose index is damaged', () => {
  const harms: Record<string, () => void | Promise<void>> = {
    'has a table that is cut off': () => truncateSync(a.file('.ldb'), statSync(a.file('.ldb')).size >> 1),
    'has a table that is overwritten': () =>
      writeFileSync(a.file('.ldb'), Buffer.alloc(statSync(a.file('.ldb')).size, 0xa5)),
    'has lost a table': () => rmSync(a.file('.ldb')),
    'has lost its manifest': () => rmSync(a.file('MANIFEST')),
    'has lost CURRENT': () => rmSync(a.file('CURRENT')),
    'has a garbage head': () => a.put('mhead', Buffer.from('garbage')),
    'has the tree of other rows': () => a.put('s', new Uint8Array(33).fill(17)),
    'has an incarnation that is none': () => a.put('mincarnation', Buffer.from('short')),
    'has a ceiling that is none': () => a.put('mceiling', Buffer.from('high')),
    'has a leaf that is none': () => a.put('s', Buffer.from('leaf')),
  }

  it.each(Object.entries(harms))(
    'because it %s has a new one, and is the same on both devices after what the other did meanwhile',
    async (_, harm) => {
      await changeOthers()
      await harm()
      await a.start()
      await settle(a, b)
      const expected = Object.fromEntries(Array.from({ length: 40 }, (_unused, i) => [`same ${i}`, `text ${i}`]))
      expect(a.tree()).toEqual({ ...expected, edited: 'new', new: 'new' })
      expect(b.tree()).toEqual(a.tree())
      const aside = a.setAside().at(-1)!
      expect(a.folder?.notice).toContain(join(a.state, aside))
      expect(b.folder?.notice).toBe('')
    },
  )

  it('has a new one without a word when it is gone as a whole, and nothing is deleted', async () => {
    rmSync(a.index, { recursive: true })
    await a.start()
    await settle(a, b)
    expect(a.tree()).toMatchObject({ edited: 'old', deleted: 'here', 'same 7': 'text 7' })
    expect([b.tree(), a.folder?.notice]).toEqual([a.tree(), ''])
  })

  it('publishes no deletion of what went while it was off: the file comes back', async () => {
    rmSync(join(a.root, 'same 3'))
    truncateSync(a.file('.ldb'), 10)
    await a.start()
    await settle(a, b)
    expect([a.tree()['same 3'], b.tree()['same 3']]).toEqual(['text 3', 'text 3'])
  })

  it('keeps both when both devices changed a file', async () => {
    a.write('edited', 'of A')
    await changeOthers()
    truncateSync(a.file('.ldb'), 10)
    await a.start()
    await settle(a, b)
    const texts = Object.entries(a.tree()).filter(([path]) => path.startsWith('edited'))
    expect(texts.map(([, text]) => text).sort()).toEqual(['new', 'of A'])
    expect(b.tree()).toEqual(a.tree())
    for (const [path] of texts) rmSync(join(a.root, path))
  })

  it('is not set aside when its log alone is cut off, as after a power cut', async () => {
    const before = a.setAside()
    const log = a.file('.log')
    truncateSync(log, Math.max(statSync(log).size - 5, 0))
    await a.start()
    await settle(a, b)
    expect([a.setAside(), a.folder?.notice]).toEqual([before, ''])
  })

  it('is not set aside when it is of a later layout: an update is asked for', async () => {
    const before = a.setAside()
    await a.put('mlayout', Uint8Array.of(99))
    await expect(a.start()).rejects.toThrow(/later version|does not know/)
    expect(a.setAside()).toEqual(before)
    await a.put('mlayout', Uint8Array.of(1))
  })

  it('is not set aside while somebody else has it open', async () => {
    const before = a.setAside()
    const store = await openLevelStore(a.index)
    await expect(a.start()).rejects.toMatchObject({ code: 'folder-busy' })
    await store.close()
    expect([a.setAside(), existsSync(a.index)]).toEqual([before, true])
  })
})

describe('an index in use', () => {
  it('is told to be damaged by whoever comes upon it: here a session that is asked for a record', async () => {
    const world = new ReplicaWorld()
    const alpha = await world.add('alpha')
    alpha.write('x', 'x')
    const beta = await world.add('beta')
    beta.write('y', 'y')
    await world.rest()
    await alpha.putDatabaseBack(
      (await alpha.copyDatabase()).map(([key, value]) => [
        key,
        // The page of the first leaf, whose last row is that of y.
        Buffer.from(key).equals(Buffer.from('n')) ? spoiled(value) : value,
      ]),
    )
    await beta.stop()
    beta.remove('y')
    beta.loseDatabase()
    await beta.start()
    await world.clock.run(() => world.failures.length > 0, 60_000)
    await world.stop()
    expect(world.failures.join()).toContain('alpha: the index: P2psyncError: the index holds a row that cannot be read')
  })
})

function spoiled(page: Uint8Array): Uint8Array {
  return Buffer.from(page).fill(0xa5, page.length - 20)
}
