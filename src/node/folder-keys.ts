import { createHash, createPrivateKey, createPublicKey, hkdfSync } from 'node:crypto'
import { parseFolderId, type FolderId } from '../model/folder-id.ts'

/**
 * What follows from a folder's write key. Each is 32 bytes, and none leads back to what it was derived from:
 * write key -> read key -> store key.
 */
export interface FolderKeys {
  /** Names the folder: the hash of the public key that its writers share. Never sent in clear. */
  readonly folder: FolderId
  /** Opens the folder for reading only. */
  readonly readKey: Uint8Array
  /** Lets a device keep sealed blocks that it cannot read. */
  readonly storeKey: Uint8Array
  /** The seed of the Ed25519 key with which the folder signs its writers' certificates. */
  readonly signingSeed: Uint8Array
  readonly signingPublicKey: Uint8Array
  /** Proves that a device belongs to the folder, whatever it may do there. */
  readonly memberAuthKey: Uint8Array
  /** Proves that it may read. */
  readonly readAuthKey: Uint8Array
  /** Proves that it may write. */
  readonly writeAuthKey: Uint8Array
}

export const folderKeyBytes = 32

/**
 * Derives all keys of a folder from its write key, which stays the caller's. HKDF-SHA-256 (RFC 5869) with the salt
 * `p2psync/v1` and a label for each.
 */
export function deriveFolderKeys(writeKey: Uint8Array): FolderKeys {
  if (writeKey.length !== folderKeyBytes) throw new RangeError(`a folder key has ${folderKeyBytes} bytes`)
  const readKey = derive(writeKey, 'read')
  const storeKey = derive(readKey, 'store')
  const signingSeed = derive(writeKey, 'folder-sign')
  const signingPublicKey = ed25519PublicKey(signingSeed)
  return {
    folder: folderIdOf(signingPublicKey),
    readKey,
    storeKey,
    signingSeed,
    signingPublicKey,
    memberAuthKey: derive(storeKey, 'auth-member'),
    readAuthKey: derive(readKey, 'auth-read'),
    writeAuthKey: derive(writeKey, 'auth-write'),
  }
}

function derive(key: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', key, 'p2psync/v1', label, folderKeyBytes))
}

function folderIdOf(signingPublicKey: Uint8Array): FolderId {
  return parseFolderId(createHash('sha256').update('p2psync/v1/folder-id').update(signingPublicKey).digest('hex'))
}

// RFC 8410: what stands before the 32 bytes of an Ed25519 seed in PKCS #8.
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex')

function ed25519PublicKey(seed: Uint8Array): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.concat([pkcs8Head, seed]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  return Uint8Array.from(spki.subarray(-32))
}
