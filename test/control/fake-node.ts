import type {
  AddFolderRequest,
  FolderAdded,
  FolderStatus,
  HeldDecision,
  LimitChange,
  LimitsStatus,
  NodeApi,
  NodeEvent,
  NodeInfo,
  PausedPeer,
  PeerStatus,
} from '../../src/node/node-api.ts'
import { parseDeviceId, type DeviceId } from '../../src/model/device-id.ts'
import type { GuardLimits, HeldChanges } from '../../src/model/guard-limits.ts'
import { P2psyncError } from '../../src/model/errors.ts'
import type { ScrubAction, ScrubStatus } from '../../src/model/scrub-status.ts'
import { version } from '../../src/model/version.ts'
import { noLimits, type LimitChoice } from '../../src/transfer/scheduled-limits.ts'

export const fakeDevice: DeviceId = parseDeviceId(`12D3KooW${'A'.repeat(44)}`)
export const otherDevice: DeviceId = parseDeviceId(`12D3KooW${'B'.repeat(43)}Z`)
export const fakeKey = `p2psyncw1${'q'.repeat(52)}fake22`

/** A node without disk or network, whose folders and events a test sets. */
export class FakeNode implements NodeApi {
  readonly requests: AddFolderRequest[] = []
  readonly decisions: HeldDecision[] = []
  readonly done: Promise<void>
  folders: FolderStatus[] = []
  devices: PeerStatus[] = []
  name = 'laptop'
  choice: LimitChoice = noLimits
  stops = 0
  readonly #home: string
  readonly #ended = Promise.withResolvers<void>()
  readonly #listeners = new Set<(event: NodeEvent) => void>()

  constructor(home: string) {
    this.#home = home
    this.done = this.#ended.promise
  }

  get listenerCount(): number {
    return this.#listeners.size
  }

  emit(event: NodeEvent): void {
    for (const listener of this.#listeners) listener(event)
  }

  info(): NodeInfo {
    const addresses = ['/ip4/127.0.0.1/tcp/4001']
    const { pid } = process
    return {
      device: fakeDevice,
      name: this.name,
      version,
      pid,
      started: 1_699_999_940_000,
      home: this.#home,
      addresses,
    }
  }

  status(): Promise<readonly FolderStatus[]> {
    return Promise.resolve(this.folders)
  }

  peers(): Promise<readonly PeerStatus[]> {
    return Promise.resolve(this.devices)
  }

  addFolder(request: AddFolderRequest): Promise<FolderAdded> {
    this.requests.push(request)
    const known = this.folders.some((folder) => folder.path === request.path)
    const keyIsNew = !known && request.key === null
    if (!known) this.folders.push(folderStatus({ path: request.path }))
    return Promise.resolve({ path: request.path, created: !known, keyIsNew, key: keyIsNew ? fakeKey : null })
  }

  removeFolder(path: string): Promise<void> {
    const left = this.folders.filter((folder) => folder.path !== path)
    if (left.length === this.folders.length) return Promise.reject(unknownFolder(path))
    this.folders = left
    return Promise.resolve()
  }

  setFolderPaused(path: string, paused: boolean): Promise<void> {
    if (!this.folders.some((folder) => folder.path === path)) return Promise.reject(unknownFolder(path))
    const state = paused ? 'paused' : 'scanning'
    this.folders = this.folders.map((folder) => (folder.path === path ? { ...folder, state } : folder))
    return Promise.resolve()
  }

  decideHeld(path: string, decision: HeldDecision): Promise<readonly HeldChanges[]> {
    const found = this.folders.find((folder) => folder.path === path)
    if (found === undefined) return Promise.reject(unknownFolder(path))
    this.decisions.push(decision)
    this.folders = this.folders.map((folder) => (folder === found ? { ...folder, held: [] } : folder))
    return Promise.resolve(found.held)
  }

  setGuard(path: string, guard: GuardLimits): Promise<void> {
    if (!this.folders.some((folder) => folder.path === path)) return Promise.reject(unknownFolder(path))
    this.folders = this.folders.map((folder) => (folder.path === path ? { ...folder, guard } : folder))
    return Promise.resolve()
  }

  setPeerPaused(peer: string, paused: boolean): Promise<PausedPeer> {
    const found = this.devices.find(({ device, name }) => device === peer || name === peer)
    if (found === undefined) return Promise.reject(new P2psyncError('peer-unknown', `no device is known as "${peer}"`))
    this.devices = this.devices.map((other) => (other === found ? { ...other, paused } : other))
    return Promise.resolve({ device: found.device, name: found.name })
  }

  scrub(path: string, action: ScrubAction): Promise<ScrubStatus> {
    const folder = this.folders.find((one) => one.path === path)
    if (folder === undefined) return Promise.reject(unknownFolder(path))
    const scrub = scrubStatus({
      ...folder.scrub,
      ...(typeof action === 'object' ? action : { running: action === 'start' }),
    })
    this.folders = this.folders.map((one) => (one === folder ? { ...one, scrub } : one))
    return Promise.resolve(scrub)
  }

  limits(): Promise<LimitsStatus> {
    const { up, down, schedule } = this.choice
    const until = schedule.length === 0 ? null : 'mon 18:00'
    return Promise.resolve({ now: { up, down }, otherwise: { up, down }, schedule, until })
  }

  setLimits(change: LimitChange): Promise<LimitsStatus> {
    this.choice = { ...this.choice, ...change }
    return this.limits()
  }

  folderKey(path: string): Promise<string> {
    if (!this.folders.some((folder) => folder.path === path)) return Promise.reject(unknownFolder(path))
    return Promise.resolve(fakeKey)
  }

  subscribe(listener: (event: NodeEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  stop(): Promise<void> {
    this.stops++
    this.#ended.resolve()
    return this.#ended.promise
  }
}

/** A folder in sync, with what differs. */
export function folderStatus(differences: Partial<FolderStatus> = {}): FolderStatus {
  return {
    path: '/data/folder',
    id: '0123abcd',
    state: 'in-sync',
    reason: '',
    hint: '',
    notice: '',
    order: { first: [], last: [] },
    files: 1234,
    folders: 56,
    links: 0,
    bytes: 1_234_567_890,
    needed: { files: 0, bytes: 0 },
    percent: 100,
    ratePerSecond: 0,
    secondsLeft: null,
    conflicts: 0,
    problems: [],
    problemCount: 0,
    lastChange: null,
    peersConnected: 1,
    held: [],
    guard: { sharePercent: 50, files: 10_000 },
    ...differences,
  }
}

/** A scrub that found nothing, with what differs. */
export function scrubStatus(differences: Partial<ScrubStatus> = {}): ScrubStatus {
  const times = { startedAt: null, finishedAt: 1_699_999_940_000, nextAt: 1_702_000_000_000, everyDays: 30 }
  const counts = {
    files: 1234,
    bytes: 1_234_567_890,
    skipped: 0,
    allFiles: 1234,
    allBytes: 1_234_567_890,
    damaged: 0,
    repaired: 0,
  }
  return { running: false, ...times, ...counts, unrepaired: [], ...differences }
}

/** A connected device, with what differs. */
export function peerStatus(differences: Partial<PeerStatus> = {}): PeerStatus {
  return {
    device: otherDevice,
    name: 'desk',
    connectedSince: 1_699_999_940_000,
    address: '/ip4/192.168.1.7/tcp/4001',
    how: 'mdns',
    folders: [],
    receiveRate: 0,
    sendRate: 0,
    refused: null,
    paused: false,
    ...differences,
  }
}

function unknownFolder(path: string): P2psyncError {
  return new P2psyncError('folder-unknown', `${path} is not synced by this node`, { hint: 'See p2psync status.' })
}
