import { blockHashBytes, type BlockHash } from '../model/block-hash.ts'

/** One implementation of BLAKE3 with 32 bytes of output. Neither function keeps or changes its input. */
export interface HashEngine {
  readonly name: 'native' | 'wasm'
  /** 43 characters of base64url without padding. */
  text(bytes: Uint8Array): string
  /** A fresh array of 32 bytes. */
  bytes(bytes: Uint8Array): Uint8Array
}

/** The prebuilt native module, or null where this system has none. */
export async function loadNativeHash(): Promise<HashEngine | null> {
  try {
    const { blake3, blake3UrlSafeBase64 } = await import('@napi-rs/blake-hash')
    return {
      name: 'native',
      // The module says Buffer and takes any view; its text is padded to 44 characters.
      text: (bytes) => blake3UrlSafeBase64(bytes as Buffer).slice(0, 43),
      bytes: (bytes) => new Uint8Array(blake3(bytes as Buffer)),
    }
  } catch {
    return null
  }
}

/** Runs everywhere at about a tenth of the native speed. */
export async function loadWasmHash(): Promise<HashEngine> {
  const { createBLAKE3 } = await import('hash-wasm')
  const hasher = await createBLAKE3(blockHashBytes * 8)
  const digest = (bytes: Uint8Array) => hasher.init().update(bytes).digest('binary')
  return {
    name: 'wasm',
    text: (bytes) => Buffer.from(digest(bytes)).toString('base64url'),
    bytes: (bytes) => new Uint8Array(digest(bytes)),
  }
}

const engine = (await loadNativeHash()) ?? (await loadWasmHash())

/** Which implementation this process runs: for what a person is shown. */
export const hashEngineName = engine.name

/** The BLAKE3 of `bytes` as a block's name. */
export function hashBlock(bytes: Uint8Array): BlockHash {
  return engine.text(bytes) as BlockHash
}

/** The BLAKE3 of `bytes`: a fresh array of 32 bytes. */
export function hashBytes(bytes: Uint8Array): Uint8Array {
  return engine.bytes(bytes)
}
