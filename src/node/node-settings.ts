import { readFile } from 'node:fs/promises'
import { isDeviceId, type DeviceId } from '../model/device-id.ts'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import { parseFolderId, type FolderId } from '../model/folder-id.ts'
import { isPatternList, noOrder, type FolderOrder } from '../model/folder-order.ts'
import { isGuardLimits, isHeldChanges, type GuardLimits, type HeldChanges } from '../model/guard-limits.ts'
import { foldersMax } from '../model/limits.ts'
import { isRescanInterval, type RescanIntervalMs } from '../model/rescan-interval.ts'
import { isTransferRate } from '../model/transfer-rate.ts'
import { parseTimetable } from '../transfer/limit-timetable.ts'
import { noLimits, type LimitChoice } from '../transfer/scheduled-limits.ts'
import type { Home } from './home.ts'
import type { PausedPeer } from './node-api.ts'
import { writePrivateFile } from './private-file.ts'

/** What a node remembers between runs (`node.json`). */
export interface NodeSettings {
  /** Null until one was chosen. */
  readonly name: string | null
  /** The TCP port to try first; null until one was used. */
  readonly port: number | null
  /** Null until one was chosen. */
  readonly rescanIntervalMs: RescanIntervalMs | null
  readonly limits: LimitChoice
  readonly folders: readonly KnownFolder[]
  readonly peers: readonly RememberedPeer[]
  /** Devices that are left alone until a person wants them back. */
  readonly pausedPeers: readonly PausedPeer[]
  /** Fields of another version, kept as they are. */
  readonly otherFields: Readonly<Record<string, unknown>>
}

export interface KnownFolder {
  readonly id: FolderId
  /** Absolute. */
  readonly path: string
  /** The nonce of its marker, 32 hex digits. */
  readonly nonce: string
  readonly order: FolderOrder
  readonly paused: boolean
  /** Absent for the usual limits. */
  readonly guard?: GuardLimits
  /** What the change guard holds; absent for nothing. */
  readonly held?: readonly HeldChanges[]
}

interface RememberedPeer {
  readonly device: DeviceId
  /** Multiaddrs that worked, the last one first. */
  readonly addresses: readonly string[]
}

export const noSettings: NodeSettings = {
  name: null,
  port: null,
  rescanIntervalMs: null,
  limits: noLimits,
  folders: [],
  peers: [],
  pausedPeers: [],
  otherFields: {},
}

/**
 * The remembered settings, or {@link noSettings} when there are none.
 *
 * @throws {P2psyncError} `node-failed` when the file is damaged, `disk-failed` when it cannot be read. It is never
 * replaced by an empty one.
 */
export async function loadSettings(home: Home): Promise<NodeSettings> {
  const file = home.settingsFile
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return noSettings
    const hint = 'Correct the permissions of the state directory, or choose another one with --home.'
    throw new P2psyncError('disk-failed', `${file} cannot be read: ${errorText(error)}`, { hint, cause: error })
  }
  try {
    return parseSettings(JSON.parse(text))
  } catch (error) {
    throw new P2psyncError('node-failed', `${file} is damaged: ${errorText(error)}`, {
      hint: 'Move it away and start each folder again: p2psync start <folder>. Keys and files are not in it.',
      cause: error,
    })
  }
}

/** The settings with another entry for the folder at `path`; the same when there is none. */
export function withFolderChanged(settings: NodeSettings, path: string, change: Partial<KnownFolder>): NodeSettings {
  const folders = settings.folders.map((known) => (known.path === path ? { ...known, ...change } : known))
  return { ...settings, folders }
}

/** Replaces the remembered settings durably. @throws {P2psyncError} `disk-full`, `disk-failed`. */
export async function saveSettings(home: Home, settings: NodeSettings): Promise<void> {
  const { otherFields, ...known } = settings
  await writePrivateFile(home.settingsFile, `${JSON.stringify({ ...otherFields, ...known }, null, 2)}\n`)
}

const peersMax = 256
const addressesMax = 16

function parseSettings(value: unknown): NodeSettings {
  const { name, port, rescanIntervalMs, limits, folders, peers, pausedPeers, ...otherFields } = asObject(value, 'it')
  return {
    name: name === undefined || name === null ? null : asText(name, 'name'),
    port: port === undefined || port === null ? null : asPort(port),
    rescanIntervalMs: rescanIntervalMs === undefined || rescanIntervalMs === null ? null : asInterval(rescanIntervalMs),
    limits: limits === undefined ? noLimits : parseLimits(limits),
    folders: asList(folders ?? [], 'folders', foldersMax).map(parseKnownFolder),
    peers: asList(peers ?? [], 'peers', peersMax).map(parsePeer),
    pausedPeers: asList(pausedPeers ?? [], 'pausedPeers', peersMax).map(parsePausedPeer),
    otherFields,
  }
}

function parseLimits(value: unknown): LimitChoice {
  const { up = null, down = null, schedule = [] } = asObject(value, 'limits')
  if (!isTransferRate(up) || !isTransferRate(down)) throw new TypeError('a limit is no rate')
  const lines = asList(schedule, 'schedule', peersMax).map((line) => asText(line, 'a line of the schedule'))
  parseTimetable(lines)
  return { up, down, schedule: lines }
}

function parseKnownFolder(value: unknown): KnownFolder {
  const { id, path, nonce, order, paused = false, guard, held } = asObject(value, 'a folder')
  const nonceText = asText(nonce, 'nonce')
  if (!/^[0-9a-f]{32}$/.test(nonceText)) throw new TypeError('a nonce is not 32 hex digits')
  if (guard !== undefined && !isGuardLimits(guard)) throw new TypeError('guard has no limits')
  if (typeof paused !== 'boolean') throw new TypeError('paused is neither true nor false')
  return {
    id: parseFolderId(asText(id, 'id')),
    path: asText(path, 'path'),
    nonce: nonceText,
    order: order === undefined ? noOrder : parseOrder(order),
    paused,
    ...(guard === undefined ? {} : { guard }),
    ...(held === undefined ? {} : { held: asList(held, 'held', 2).map(parseHeld) }),
  }
}

function parseHeld(value: unknown): HeldChanges {
  if (!isHeldChanges(value)) throw new TypeError('held is no list of changes')
  return value
}

function parseOrder(value: unknown): FolderOrder {
  const { first = [], last = [] } = asObject(value, 'order')
  if (!isPatternList(first) || !isPatternList(last)) throw new TypeError('order has no lists of patterns')
  return { first, last }
}

function parsePausedPeer(value: unknown): PausedPeer {
  const { device, name } = asObject(value, 'a paused peer')
  if (typeof device !== 'string' || !isDeviceId(device)) throw new TypeError('a device id is malformed')
  return { device, name: typeof name === 'string' ? name : '' }
}

function parsePeer(value: unknown): RememberedPeer {
  const { device, addresses } = asObject(value, 'a peer')
  const text = asText(device, 'device')
  if (!isDeviceId(text)) throw new TypeError('a device id is malformed')
  const list = asList(addresses, 'addresses', addressesMax)
  return { device: text, addresses: list.map((address) => asText(address, 'an address')) }
}

function asObject(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError(`${what} is no object`)
  return value as Record<string, unknown>
}

function asList(value: unknown, what: string, lengthMax: number): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError(`${what} is no list`)
  if (value.length > lengthMax) throw new TypeError(`${what} has more than ${lengthMax} entries`)
  return value as readonly unknown[]
}

function asText(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw new TypeError(`${what} is no text`)
  return value
}

function asInterval(value: unknown): RescanIntervalMs {
  if (!isRescanInterval(value)) throw new TypeError('rescanIntervalMs is no interval')
  return value
}

function asPort(value: unknown): number {
  if (!Number.isInteger(value) || (value as number) < 1 || (value as number) > 65_535) {
    throw new TypeError('port is not between 1 and 65535')
  }
  return value as number
}
