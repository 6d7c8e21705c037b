import { P2psyncError } from './errors.ts'

/** BLAKE3 (32 bytes) of a block, as 43 characters of base64url. */
export type BlockHash = string & { readonly __brand: 'BlockHash' }

export const blockHashBytes = 32

/** @throws {P2psyncError} `bad-message` unless `bytes` are 32. */
export function blockHashFromBytes(bytes: Uint8Array): BlockHash {
  if (bytes.length !== blockHashBytes) throw new P2psyncError('bad-message', `a block hash of ${bytes.length} bytes`)
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url') as BlockHash
}

/** A fresh array of 32 bytes. */
export function blockHashToBytes(hash: BlockHash): Uint8Array {
  return Buffer.from(hash, 'base64url')
}

/** The first 8 hex digits: what a person sees in the name of a conflicted copy. */
export function shortHash(hash: BlockHash): string {
  return Buffer.from(hash, 'base64url').toString('hex').slice(0, 8)
}
