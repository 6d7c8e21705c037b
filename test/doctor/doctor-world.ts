import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diagnose } from '../../src/doctor/diagnose.ts'
import type { Finding } from '../../src/doctor/finding.ts'
import type { Host, Space } from '../../src/doctor/host.ts'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import { parseFolderId } from '../../src/model/folder-id.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import { storeFolderKey } from '../../src/node/folder-key-file.ts'
import { folderState, prepareHome, type FolderState, type Home } from '../../src/node/home.ts'
import { openIndex } from '../../src/node/index-folder.ts'
import { formatFolderKey } from '../../src/node/key-text.ts'
import { noSettings, saveSettings, type KnownFolder } from '../../src/node/node-settings.ts'
import { recordOf } from '../file-index/sample-records.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

const routes =
  'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\neth0\t000000E0\t0\t0001\t0\t0\t0\t000000F0\n'

/** A home with one folder in which nothing is wrong, on a computer whose settings a test chooses. */
export class DoctorWorld {
  readonly home: Home
  readonly folder: string
  readonly state: FolderState
  readonly known: KnownFolder
  readonly texts = new Map<string, string>([
    ['/proc/net/route', routes],
    ['/proc/sys/fs/inotify/max_user_watches', '100000\n'],
    ['/proc/sys/fs/inotify/max_user_instances', '128\n'],
  ])
  space: Space = { freeBytes: 2 ** 40, totalBytes: 2 ** 41, freeFiles: 1_000_000, type: 0xef53 }
  nodeVersion = 'v24.0.0'
  hasNetwork = true
  userId: number | null = process.getuid?.() ?? null
  now = Date.now()
  readonly #base: string

  private constructor(base: string, home: Home) {
    this.#base = base
    this.home = home
    this.folder = join(base, 'folder')
    this.known = {
      id: parseFolderId('ab'.repeat(32)),
      path: this.folder,
      nonce: '12'.repeat(16),
      order: noOrder,
      paused: false,
    }
    this.state = folderState(home, this.known.id)
  }

  static async make(): Promise<DoctorWorld> {
    const base = await realpath(await mkdtemp(join(tmpdir(), 'p2psync-doctor-')))
    const world = new DoctorWorld(base, await prepareHome(join(base, 'home')))
    await saveSettings(world.home, { ...noSettings, folders: [world.known] })
    await storeFolderKey(world.state, formatFolderKey(new Uint8Array(32).fill(7)))
    await mkdir(join(world.folder, '.p2psync'), { recursive: true })
    await world.writeMarker(world.known.nonce)
    const index = await openIndex(world.state.indexFolder, {
      openStore: openLevelStore,
      deviceTag: new Uint8Array(8),
      random: new SeededRandom(1),
      onDamaged: () => undefined,
    })
    await index.commit([{ record: recordOf('a.txt'), disk: null }], { durable: true })
    await index.close()
    return world
  }

  async writeMarker(nonce: string): Promise<void> {
    await writeFile(join(this.folder, '.p2psync/folder.json'), JSON.stringify({ folder: this.known.id, nonce }))
  }

  diagnose(folder: string | null = null): Promise<readonly Finding[]> {
    return diagnose({ home: this.home.path, folder, host: this.#host() })
  }

  /** What is not ok, as `check: message`. */
  async complaints(folder: string | null = null): Promise<readonly string[]> {
    const findings = await this.diagnose(folder)
    return findings
      .filter(({ result }) => result !== 'ok')
      .map(({ check, result, message }) => `${result} ${check}: ${message}`)
  }

  async remove(): Promise<void> {
    await rm(this.#base, { recursive: true, force: true })
  }

  #host(): Host {
    return {
      nodeVersion: this.nodeVersion,
      userId: this.userId,
      readText: (path) => Promise.resolve(this.texts.get(path) ?? null),
      space: () => Promise.resolve(this.space),
      hasNetwork: () => this.hasNetwork,
      now: () => this.now,
    }
  }
}
