import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { privateKeyFromProtobuf, privateKeyFromRaw, privateKeyToProtobuf } from '@libp2p/crypto/keys'
import type { PrivateKey } from '@libp2p/interface'
import { peerIdFromPrivateKey } from '@libp2p/peer-id'
import { parseDeviceId, type DeviceId } from '../model/device-id.ts'
import { P2psyncError, systemCode } from '../model/errors.ts'
import type { Random } from '../ports/random.ts'
import { makePrivateFolder, writePrivateFile } from './private-file.ts'
import { systemRandom } from './system-random.ts'

/** Who this device is to others. */
export interface DeviceIdentity {
  readonly privateKey: PrivateKey
  readonly device: DeviceId
  /** 8 bytes: the first half of this device's writer ids. */
  readonly deviceTag: Uint8Array
}

/**
 * Reads the device's Ed25519 key from `file` (libp2p's protobuf form), or makes one there, mode 0600, durable before
 * it is used. The folder is made (0700) where it is missing.
 *
 * @throws {P2psyncError} `node-failed` when the file is no such key, may be read by other users, or cannot be read;
 * `disk-full` or `disk-failed` when it cannot be written.
 */
export async function loadOrCreateDeviceIdentity(file: string, random: Random = systemRandom): Promise<DeviceIdentity> {
  try {
    return identityOf((await load(file)) ?? (await create(file, random)))
  } catch (cause) {
    if (cause instanceof P2psyncError) throw cause
    throw new P2psyncError('node-failed', `the device key ${file} cannot be used (${systemCode(cause)})`, { cause })
  }
}

/** The first 8 bytes of the SHA-256 of the id's text. */
export function deviceTagOf(device: DeviceId): Uint8Array {
  return Uint8Array.from(createHash('sha256').update(device).digest().subarray(0, 8))
}

function identityOf(privateKey: PrivateKey): DeviceIdentity {
  const device = parseDeviceId(peerIdFromPrivateKey(privateKey).toString())
  return { privateKey, device, deviceTag: deviceTagOf(device) }
}

async function load(file: string): Promise<PrivateKey | null> {
  let handle: FileHandle
  try {
    handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw error
  }
  await using opened = handle
  const { mode, size } = await opened.stat()
  // Windows has no such bits: there the profile's folder is what keeps others out.
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new P2psyncError('node-failed', `the device key ${file} can be read or changed by other users`, {
      hint: `chmod 600 ${file}`,
    })
  }
  if (size > keyFileBytesMax) throw damaged(file)
  return parse(file, await opened.readFile())
}

function parse(file: string, bytes: Uint8Array): PrivateKey {
  try {
    const key = privateKeyFromProtobuf(bytes)
    if (key.type === 'Ed25519') return key
  } catch {
    // The cause could repeat bytes of a secret.
  }
  throw damaged(file)
}

async function create(file: string, random: Random): Promise<PrivateKey> {
  const key = keyFromSeed(random.bytes(32))
  await makePrivateFolder(dirname(file))
  await writePrivateFile(file, privateKeyToProtobuf(key))
  return key
}

/** Native: the library's own way takes 40 ms of the first start. */
function keyFromSeed(seed: Uint8Array): PrivateKey {
  const der = Buffer.concat([pkcs8Head, seed])
  const { x } = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })).export({ format: 'jwk' })
  return privateKeyFromRaw(Buffer.concat([seed, Buffer.from(x!, 'base64url')]))
}

/** What stands before the seed of an Ed25519 key (RFC 8410, section 7). */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')
const keyFileBytesMax = 1024

function damaged(file: string): P2psyncError {
  return new P2psyncError('node-failed', `${file} is not a device key`, {
    hint: 'restore it from a backup, or move it away: the device then becomes a new one to its peers',
  })
}
