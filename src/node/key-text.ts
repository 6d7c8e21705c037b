import { bech32m } from '@scure/base'
import { P2psyncError } from '../model/errors.ts'
import { folderKeyBytes } from './folder-keys.ts'

/**
 * The text of a folder's write key, for a person to copy: bech32m (BIP 350) with the prefix `p2psyncw`, 67 characters,
 * lower case. Its checksum finds up to four wrong characters for certain.
 */
export function formatFolderKey(writeKey: Uint8Array): string {
  if (writeKey.length !== folderKeyBytes) throw new RangeError(`a folder key has ${folderKeyBytes} bytes`)
  return bech32m.encode(writePrefix, bech32m.toWords(writeKey))
}

/**
 * The write key that `text` stands for, in a fresh array. White space around it and upper case do not matter.
 *
 * @throws {P2psyncError} `bad-key`, whose message tells what is wrong and never repeats the text.
 */
export function parseFolderKey(text: string): Uint8Array {
  const trimmed = text.trim()
  const key = trimmed === trimmed.toUpperCase() ? trimmed.toLowerCase() : trimmed
  if (!/^p2psync[wrs]1/i.test(key)) {
    throw refuse(
      'this is not a p2psync key',
      `a folder's key starts with ${writePrefix}1; "p2psync key show" prints it`,
    )
  }
  const decoded = key.length <= textLengthMax ? bech32m.decodeUnsafe(key, textLengthMax) : undefined
  if (decoded === undefined) {
    const counted = key.length === textLength ? '' : ` (it has ${key.length} characters, a key has ${textLength})`
    throw refuse(`the key has a typing error${counted}`, 'copy the whole key again')
  }
  if (decoded.prefix !== writePrefix) {
    const kind = decoded.prefix === readPrefix ? 'read-only' : 'store-only'
    throw refuse(`this is a ${kind} key, which this version cannot use`, "use the folder's full key")
  }
  const bytes = bech32m.fromWordsUnsafe(decoded.words)
  if (bytes?.length !== folderKeyBytes) {
    throw refuse(`the key has the wrong length (${textLength} characters are right)`, 'copy the whole key again')
  }
  return Uint8Array.from(bytes)
}

const writePrefix = 'p2psyncw'
// Reserved, with `p2psyncs` for store-only keys: so that a version which cannot use them can say what they are.
const readPrefix = 'p2psyncr'
const textLength = 67
const textLengthMax = 1024

function refuse(message: string, hint: string): P2psyncError {
  return new P2psyncError('bad-key', message, { hint })
}
