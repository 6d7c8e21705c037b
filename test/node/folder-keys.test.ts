import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { deriveFolderKeys } from '../../src/node/folder-keys.ts'
import { formatFolderKey, parseFolderKey } from '../../src/node/key-text.ts'

interface Vector {
  readonly comment: string
  readonly writeKey: string
  readonly text: string
  readonly folder: string
  readonly readKey: string
  readonly storeKey: string
  readonly signingSeed: string
  readonly signingPublicKey: string
  readonly memberAuthKey: string
  readonly readAuthKey: string
  readonly writeAuthKey: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/folder-keys.json', import.meta.url), 'utf8'),
) as readonly Vector[]

describe('deriveFolderKeys', () => {
  for (const { comment, writeKey, text, ...expected } of vectors) {
    it(comment, () => {
      const keys = deriveFolderKeys(Buffer.from(writeKey, 'hex'))
      const shown = Object.fromEntries(
        Object.entries(keys).map(([name, value]: [string, string | Uint8Array]) => [
          name,
          typeof value === 'string' ? value : Buffer.from(value).toString('hex'),
        ]),
      )
      expect(shown).toEqual(expected)
    })

    it(`${comment}, whose text is as given`, () => {
      expect(formatFolderKey(Buffer.from(writeKey, 'hex'))).toBe(text)
      expect(Buffer.from(parseFolderKey(text)).toString('hex')).toBe(writeKey)
    })
  }

  it('refuses a key of another length', () => {
    expect(() => deriveFolderKeys(new Uint8Array(31))).toThrow(RangeError)
  })
})
