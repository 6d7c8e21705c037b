import { isDeviceId, type DeviceId } from '../model/device-id.ts'
import { P2psyncError } from '../model/errors.ts'
import type { PausedPeer } from './node-api.ts'
import type { SettingsFile } from './settings-file.ts'

/** As many as a settings file may hold. */
const pausedMax = 256

/**
 * Remembers that a device is paused, or no longer; returns it.
 *
 * @param deps.onChanged called with the device when it was not so before.
 * @param peer a name, or the id of any device.
 * @throws {P2psyncError} `peer-unknown` when no device, or more than one, has that name; `limit`.
 */
export async function setPeerPaused(
  deps: {
    readonly settings: SettingsFile
    /** Those that are or were known; may name one more than once. */
    readonly peers: readonly PausedPeer[]
    readonly onChanged: (device: DeviceId) => void
  },
  peer: string,
  paused: boolean,
): Promise<PausedPeer> {
  const { settings, peers, onChanged } = deps
  const before = settings.current.pausedPeers
  const found = findPeer(peers, peer)
  const wasPaused = before.some(({ device }) => device === found.device)
  if (wasPaused === paused) return found
  if (paused && before.length >= pausedMax) {
    throw new P2psyncError('limit', `${pausedMax} devices are paused already`, {
      hint: 'Resume one of them first: p2psync resume --peer NAME.',
    })
  }
  await settings.update((old) => {
    const others = old.pausedPeers.filter(({ device }) => device !== found.device)
    return { ...old, pausedPeers: paused ? [...others, found] : others }
  })
  onChanged(found.device)
  return found
}

function findPeer(peers: readonly PausedPeer[], text: string): PausedPeer {
  const names = new Map(peers.map(({ device, name }) => [device, name]))
  if (isDeviceId(text)) return { device: text, name: names.get(text) ?? '' }
  const devices = [...names].filter(([, name]) => text !== '' && name === text).map(([device]) => device)
  const [first] = devices
  if (first !== undefined && devices.length === 1) return { device: first, name: text }
  const what = first === undefined ? `no device is known as "${text}"` : `several devices are called "${text}"`
  throw new P2psyncError('peer-unknown', what, { hint: 'Name one by its id; see p2psync peers.' })
}
