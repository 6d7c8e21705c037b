import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'
import type { ICryptoInterface } from '@libp2p/noise'
import { defaultCrypto } from '@libp2p/noise/crypto'
import { Uint8ArrayList } from 'uint8arraylist'

/**
 * What @libp2p/noise encrypts with, with one difference: a session's key is made a `KeyObject` once instead of with
 * each message, which costs 8 us and native garbage each time. Needs the library's habit of never changing the bytes
 * of a key. Same bytes out as its default.
 */
export const fastNoiseCrypto: ICryptoInterface = {
  ...defaultCrypto,

  chaCha20Poly1305Encrypt(plaintext, nonce, associatedData, key) {
    if (plaintext.byteLength < nativeBytesMin) {
      return defaultCrypto.chaCha20Poly1305Encrypt(plaintext, nonce, associatedData, key)
    }
    const cipher = createCipheriv('chacha20-poly1305', keyObject(key), nonce, { authTagLength: tagBytes })
    cipher.setAAD(associatedData, { plaintextLength: plaintext.byteLength })
    const output = new Uint8ArrayList()
    for (const bytes of parts(plaintext)) output.append(cipher.update(bytes))
    cipher.final()
    output.append(cipher.getAuthTag())
    return output
  },

  chaCha20Poly1305Decrypt(ciphertext, nonce, associatedData, key, target) {
    const length = ciphertext.byteLength - tagBytes
    if (length < nativeBytesMin) {
      return defaultCrypto.chaCha20Poly1305Decrypt(ciphertext, nonce, associatedData, key, target)
    }
    const decipher = createDecipheriv('chacha20-poly1305', keyObject(key), nonce, { authTagLength: tagBytes })
    decipher.setAAD(associatedData, { plaintextLength: length })
    decipher.setAuthTag(ciphertext.subarray(length))
    const output = new Uint8ArrayList()
    const body = ciphertext instanceof Uint8Array ? ciphertext.subarray(0, length) : ciphertext.sublist(0, length)
    for (const bytes of parts(body)) output.append(decipher.update(bytes))
    // Throws when the tag is wrong.
    decipher.final()
    return output
  },
}

const tagBytes = 16
// Below this the library's WebAssembly is faster than a call of OpenSSL.
const nativeBytesMin = 1200

const keyObjects = new WeakMap<Uint8Array, KeyObject>()

function keyObject(key: Uint8Array): KeyObject {
  const known = keyObjects.get(key)
  if (known !== undefined) return known
  const made = createSecretKey(key)
  keyObjects.set(key, made)
  return made
}

function parts(bytes: Uint8Array | Uint8ArrayList): Iterable<Uint8Array> {
  return bytes instanceof Uint8Array ? [bytes] : bytes
}
