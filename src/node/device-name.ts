import { hostname } from 'node:os'
import { P2psyncError } from '../model/errors.ts'
import { deviceNameBytesMax } from '../model/limits.ts'

/** The name of this computer as a device name. */
export function defaultDeviceName(): string {
  const name = shorten(hostname().normalize('NFC').toWellFormed().replaceAll(unwanted, '-').trim())
  return name === '' ? 'device' : name
}

/**
 * A name that a person chose, in NFC.
 *
 * @throws {P2psyncError} `usage` when it is empty, longer than 64 bytes, or has characters that a file name or a
 * terminal cannot bear: other devices put it into the names of conflicted copies.
 */
export function parseDeviceName(text: string): string {
  const name = text.normalize('NFC').trim()
  const hint = `Use up to ${deviceNameBytesMax} bytes without slashes or control characters, such as --name laptop.`
  if (name === '') throw new P2psyncError('usage', 'the device name is empty', { hint })
  if (Buffer.byteLength(name) > deviceNameBytesMax)
    throw new P2psyncError('usage', 'the device name is too long', { hint })
  if (!name.isWellFormed() || name.search(unwanted) >= 0) {
    throw new P2psyncError('usage', 'the device name has a character that is not allowed', { hint })
  }
  return name
}

const unwanted = /[/\\\p{Cc}\p{Cf}]/gu

function shorten(name: string): string {
  let short = ''
  let bytes = 0
  for (const character of name) {
    bytes += Buffer.byteLength(character)
    if (bytes > deviceNameBytesMax) break
    short += character
  }
  return short.trim()
}
