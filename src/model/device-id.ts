import { P2psyncError } from './errors.ts'

/** A device: the text of its libp2p peer id (Ed25519, `12D3Koo...`). */
export type DeviceId = string & { readonly __brand: 'DeviceId' }

const shape = /^12D3Koo[1-9A-HJ-NP-Za-km-z]{45}$/

export function isDeviceId(text: string): text is DeviceId {
  return shape.test(text)
}

/** @throws {P2psyncError} `bad-message` when `text` is no Ed25519 peer id. */
export function parseDeviceId(text: string): DeviceId {
  if (!isDeviceId(text)) throw new P2psyncError('bad-message', `"${text.slice(0, 80)}" is not a device id`)
  return text
}

/** The end of the id, enough for a person to tell devices apart. */
export function shortDeviceId(device: DeviceId): string {
  return device.slice(-8)
}
