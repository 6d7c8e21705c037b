import { afterEach, describe, expect, it, vi } from 'vitest'
import { hashBlock, hashBytes, loadNativeHash, loadWasmHash } from '../../src/blocks/hash.ts'
import { blockHashToBytes } from '../../src/model/block-hash.ts'
import vectors from '../vectors/blake3.json' with { type: 'json' }

const inputs = vectors.cases.map(({ length, hash }) => ({
  input: Uint8Array.from({ length }, (_, i) => i % 251),
  hash,
}))

describe('hash', () => {
  afterEach(() => {
    vi.doUnmock('@napi-rs/blake-hash')
    vi.resetModules()
  })

  it('gives the official BLAKE3 results', () => {
    for (const { input, hash } of inputs) expect(Buffer.from(hashBytes(input)).toString('hex')).toBe(hash)
  })

  it('names a block by 43 characters of base64url', () => {
    for (const { input } of inputs) {
      expect(hashBlock(input)).toMatch(/^[A-Za-z0-9_-]{43}$/)
      expect(blockHashToBytes(hashBlock(input))).toEqual(Buffer.from(hashBytes(input)))
    }
  })

  it('gives the same natively and in WebAssembly', async () => {
    const native = await loadNativeHash()
    const wasm = await loadWasmHash()
    expect(native?.name).toBe('native')
    for (const { input } of inputs) {
      expect(native?.text(input)).toBe(wasm.text(input))
      expect(native?.bytes(input)).toEqual(wasm.bytes(input))
    }
  })

  it('hashes a view, not the buffer behind it', () => {
    const whole = Uint8Array.from({ length: 3000 }, (_, i) => i % 251)
    expect(hashBlock(whole.subarray(251, 251 + 1023))).toBe(hashBlock(whole.slice(0, 1023)))
  })

  it('falls back to WebAssembly where the native module cannot be loaded', async () => {
    vi.resetModules()
    vi.doMock('@napi-rs/blake-hash', () => {
      throw new Error('Failed to load native binding')
    })
    const fallback = await import('../../src/blocks/hash.ts')
    expect(fallback.hashEngineName).toBe('wasm')
    for (const { input, hash } of inputs) {
      expect(Buffer.from(fallback.hashBytes(input)).toString('hex')).toBe(hash)
      expect(fallback.hashBlock(input)).toBe(hashBlock(input))
    }
  })
})
