import { defaultCrypto } from '@libp2p/noise/crypto'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { describe, expect, it } from 'vitest'
import { fastNoiseCrypto } from '../../src/node/fast-noise-crypto.ts'

const anyMessage = fc.record({
  length: fc.oneof(fc.constantFrom(0, 1, 1183, 1184, 1199, 1200, 1201, 1216, 65519), fc.nat(5000)),
  cut: fc.nat(5000),
  nonce: fc.uint8Array({ minLength: 12, maxLength: 12 }),
  associatedData: fc.uint8Array({ maxLength: 40 }),
  key: fc.uint8Array({ minLength: 32, maxLength: 32 }),
})

function bytesOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7)
}

function cutAt(bytes: Uint8Array, at: number): Uint8ArrayList {
  return new Uint8ArrayList(bytes.subarray(0, at % (bytes.length + 1)), bytes.subarray(at % (bytes.length + 1)))
}

describe('fastNoiseCrypto', () => {
  it("encrypts to the same bytes as the library's own, whole or in parts", () => {
    fc.assert(
      fc.property(anyMessage, ({ length, cut, nonce, associatedData, key }) => {
        const plain = bytesOf(length)
        const expected = defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, associatedData, key).subarray()
        for (const input of [plain, cutAt(plain, cut)]) {
          const sealed = fastNoiseCrypto.chaCha20Poly1305Encrypt(input, nonce, associatedData, key)
          expect(Buffer.compare(sealed.subarray(), expected)).toBe(0)
        }
      }),
      { numRuns: 60 },
    )
  })

  it("decrypts what the library's own encrypted, whole or in parts", () => {
    fc.assert(
      fc.property(anyMessage, ({ length, cut, nonce, associatedData, key }) => {
        const plain = bytesOf(length)
        const sealed = defaultCrypto.chaCha20Poly1305Encrypt(plain, nonce, associatedData, key).subarray()
        for (const input of [sealed, cutAt(sealed, cut)]) {
          const opened = fastNoiseCrypto.chaCha20Poly1305Decrypt(input, nonce, associatedData, key)
          expect(Buffer.compare(opened.subarray(), plain)).toBe(0)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('refuses a message in which one bit, its associated data or its nonce is wrong', () => {
    fc.assert(
      fc.property(anyMessage, fc.nat(), ({ length, nonce, associatedData, key }, at) => {
        const sealed = fastNoiseCrypto.chaCha20Poly1305Encrypt(bytesOf(length), nonce, associatedData, key).slice()
        const open = (bytes: Uint8Array, ad: Uint8Array, n: Uint8Array) => () =>
          fastNoiseCrypto.chaCha20Poly1305Decrypt(bytes, n, ad, key)
        const flipped = Uint8Array.from(sealed)
        flipped[at % flipped.length]! ^= 1 << (at & 7)
        expect(open(flipped, associatedData, nonce)).toThrow()
        expect(open(sealed, Buffer.concat([associatedData, Buffer.of(1)]), nonce)).toThrow()
        expect(
          open(
            sealed,
            associatedData,
            Uint8Array.from(nonce, (byte) => byte ^ 1),
          ),
        ).toThrow()
      }),
      { numRuns: 60 },
    )
  })
})
