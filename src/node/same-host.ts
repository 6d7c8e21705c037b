import { watch, type FSWatcher } from 'node:fs'
import { lstat, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeviceId, type DeviceId } from '../model/device-id.ts'
import { errorText, systemCode } from '../model/errors.ts'
import type { Clock } from '../ports/clock.ts'
import type { Logger } from '../ports/logger.ts'
import { addressesPerCandidateMax } from './dial-candidates.ts'
import { isProcessRunning } from './process-running.ts'
import { isLoopbackAddress, tryParsePeerAddress } from './addresses.ts'

export interface SameHostOptions {
  /** Made when it is missing; must belong to this user alone. */
  readonly folder: string
  readonly device: DeviceId
  /** Multiaddrs, asked for again at each look. */
  readonly addresses: () => readonly string[]
  readonly onFound: (device: DeviceId, addresses: readonly string[]) => void
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Finds the other nodes that this user runs on this host, without any network: each puts a file `DEVICE.json` with its
 * addresses into one private folder and watches it. What stands there of this device and is not of this process is found
 * like any other. Where that cannot be done it says so and does nothing.
 */
export class SameHost {
  readonly #options: SameHostOptions
  readonly #file: string
  readonly #stopping = new AbortController()
  #watcher: FSWatcher | null = null
  #running: Promise<void> | null = null
  #wakeSleeper: () => void = () => undefined
  #woken = false
  #written = ''

  constructor(options: SameHostOptions) {
    this.#options = options
    this.#file = join(options.folder, `${options.device}.json`)
  }

  async start(): Promise<void> {
    try {
      await preparePrivateFolder(this.#options.folder)
      await this.#announce()
    } catch (error) {
      const fields = { folder: this.#options.folder, reason: errorText(error) }
      this.#options.logger.warn('nodes on this host are not looked for', fields)
      return
    }
    this.#watch()
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    this.#watcher?.close()
    await this.#running
    if (this.#running !== null) await rm(this.#file, { force: true }).catch(() => undefined)
  }

  /** The poll finds what the watch misses, and puts our file back when somebody has removed it. */
  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#woken = false
      try {
        await this.#announce()
        await this.#look()
      } catch (error) {
        this.#options.logger.debug('the folder of the nodes on this host cannot be read', { reason: errorText(error) })
      }
      const sleeping = new AbortController()
      this.#wakeSleeper = () => sleeping.abort()
      if (!this.#woken) await this.#options.clock.sleep(pollMs, sleeping.signal).catch(() => undefined)
    }
  }

  #wake(): void {
    this.#woken = true
    this.#wakeSleeper()
  }

  #watch(): void {
    try {
      this.#watcher = watch(this.#options.folder, { persistent: false }, (_event, name) => {
        if (name === null || name.endsWith('.json')) this.#wake()
      })
      this.#watcher.on('error', () => this.#watcher?.close())
    } catch (error) {
      this.#options.logger.debug('nodes on this host are found more slowly', { reason: errorText(error) })
    }
  }

  async #announce(): Promise<void> {
    const { device, addresses } = this.#options
    const text = JSON.stringify({ peerId: device, addrs: addresses(), pid: process.pid })
    if (text === this.#written && (await isThere(this.#file))) return
    const temporary = `${this.#file}.${process.pid}.new`
    const handle = await open(temporary, 'w', 0o600)
    try {
      await handle.writeFile(text)
    } finally {
      await handle.close()
    }
    await rename(temporary, this.#file)
    this.#written = text
  }

  async #look(): Promise<void> {
    const names = await readdir(this.#options.folder)
    for (const name of names.slice(0, filesMax)) {
      const device = name.slice(0, -'.json'.length)
      if (!name.endsWith('.json') || !isDeviceId(device)) continue
      const file = join(this.#options.folder, name)
      const text = await readFile(file, 'utf8').catch(() => '')
      const entry = parseEntry(text, device)
      if (entry === null || text === this.#written) continue
      if (isProcessRunning(entry.pid)) this.#options.onFound(device, entry.addresses)
      else await rm(file, { force: true })
    }
  }
}

/** `$XDG_RUNTIME_DIR/p2psync`, or a folder of this user under the folder for temporary files. */
export function sameHostFolder(from: {
  readonly runtimeFolder: string | undefined
  readonly temporaryFolder: string
  readonly userId: number
}): string {
  if (from.runtimeFolder !== undefined && from.runtimeFolder.startsWith('/')) return join(from.runtimeFolder, 'p2psync')
  return join(from.temporaryFolder, `p2psync-${from.userId}`)
}

const pollMs = 10_000
const filesMax = 256
const fileCharactersMax = 8192

async function preparePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { mode: 0o700 }).catch((error: unknown) => {
    if (systemCode(error) !== 'EEXIST') throw error
  })
  const state = await lstat(folder)
  const userId = process.getuid?.() ?? state.uid
  if (!state.isDirectory() || state.uid !== userId || (process.getuid !== undefined && (state.mode & 0o077) !== 0)) {
    throw new Error('it is not a folder that belongs to this user alone')
  }
}

function parseEntry(text: string, device: DeviceId): { addresses: readonly string[]; pid: number } | null {
  if (text.length > fileCharactersMax) return null
  let entry: unknown
  try {
    entry = JSON.parse(text)
  } catch {
    return null
  }
  if (typeof entry !== 'object' || entry === null) return null
  const { peerId, addrs, pid } = entry as Record<string, unknown>
  if (peerId !== device || !Array.isArray(addrs) || !Number.isSafeInteger(pid) || Number(pid) <= 0) return null
  const addresses = addrs
    .flatMap((address: unknown) =>
      typeof address === 'string' ? [tryParsePeerAddress(address)?.address ?? []].flat() : [],
    )
    .toSorted((a, b) => Number(isLoopbackAddress(b)) - Number(isLoopbackAddress(a)))
  return { addresses: addresses.slice(0, addressesPerCandidateMax), pid: Number(pid) }
}

async function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  )
}
