import { createCipheriv } from 'node:crypto'
import {
  chmodSync,
  closeSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'

/** Bytes that look random and are the same for the same seed. */
export function noise(sizeBytes: number, seed: number): Buffer {
  const key = Buffer.alloc(16)
  key.writeUInt32BE(seed)
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes))
}

/** Writes a file, with the folders that it needs. `mtime` is in seconds since 1970. */
export function write(
  root: string,
  path: string,
  content: string | Uint8Array,
  options: { mtime?: number; executable?: boolean } = {},
): void {
  const target = join(root, path)
  mkdirSync(dirname(target), { recursive: true })
  writeFileSync(target, content)
  if (options.executable === true) chmodSync(target, 0o755)
  if (options.mtime !== undefined) utimesSync(target, options.mtime, options.mtime)
}

/** Writes a large file piece by piece. */
export function writeLarge(root: string, path: string, sizeBytes: number, seed: number): void {
  const pieceBytes = 8 * 1024 * 1024
  mkdirSync(root, { recursive: true })
  const file = openSync(join(root, path), 'w')
  for (let at = 0; at < sizeBytes; at += pieceBytes) {
    writeSync(file, noise(Math.min(pieceBytes, sizeBytes - at), seed + at / pieceBytes))
  }
  closeSync(file)
}

/** Makes a symlink, with the folders that it needs. `mtime` is in seconds since 1970. */
export function link(root: string, path: string, target: string, options: { mtime?: number } = {}): void {
  const place = join(root, path)
  mkdirSync(dirname(place), { recursive: true })
  symlinkSync(target, place)
  if (options.mtime !== undefined) lutimesSync(place, options.mtime, options.mtime)
}

export function folder(root: string, path: string): void {
  mkdirSync(join(root, path), { recursive: true })
}

/** A small folder that holds every kind of entry, every size around a block's, and names that are easy to get wrong. */
export function writeEveryKind(root: string): void {
  for (const size of [0, 1, 4096, 65_535, 65_536, 65_537, 262_144, 3 * 1024 * 1024 + 17]) {
    write(root, `sizes/noise-${size}`, noise(size, size))
    write(root, `sizes/zeros-${size}`, Buffer.alloc(size))
  }
  write(root, 'sizes/noise-again', noise(3 * 1024 * 1024 + 17, 3 * 1024 * 1024 + 17))
  folder(root, 'empty')
  folder(root, 'empty in empty/a/b/c')
  write(root, `${'deep/'.repeat(60)}bottom`, 'far down')
  write(root, 'bin/run.sh', '#!/bin/sh\n', { executable: true })
  link(root, 'links/to a file', '../sizes/noise-1')
  link(root, 'links/to a folder', '../empty', { mtime: 1_000_000_000.25 })
  link(root, 'links/to nothing', 'no/such/thing')
  link(root, 'links/to itself', 'to itself')
  for (const [index, time] of [
    0, 1, 999_999_999.999_999, 1_700_000_000.123_456, 2_200_000_000, 4_102_444_800,
  ].entries()) {
    write(root, `times/${index}`, `${time}`, { mtime: time })
  }
  for (const name of oddNames) write(root, `names/${name}`, name)
  for (const name of oddNames) folder(root, `name folders/${name}`)
}

export const oddNames: readonly string[] = [
  'with space',
  ' leading space',
  'trailing space ',
  'trailing dot.',
  `quotes ' and "`,
  '`backtick` $HOME $(id)',
  'new\nline',
  'tab\tand bell\u0007',
  'back\\slash',
  'colon: star* question? <less> |pipe|',
  'per%20cent #hash &and;semi',
  '-leading-dash',
  '--peer',
  '~',
  'x~',
  '.x.swp',
  '.hidden',
  '#auto#',
  'caf\u00e9 \u00c5ngstr\u00f6m',
  '\u65e5\u672c\u8a9e',
  '\u{1f98a}\u{1f9d1}\u200d\u{1f680}',
  '\u202eright to left',
  'CON',
  'nul.txt',
  '.p2psync',
  'L'.repeat(255),
  '\u65e5'.repeat(85),
]
