/**
 * The layout of a folder's database: the first byte of a key says what the row is.
 *
 * ```
 * m name                      layout version, incarnation, head and seq ceiling (index-head.ts)
 * n first key of a leaf       the rows of the leaf (leaf-page.ts, row-codec.ts)
 * g seq(6)                    pathKey of the row with this seq: the log, one row a path
 * s first key of a leaf       level of that key (1), hash of the leaf (32)
 * c content(33)               size (6), number of further paths (4), has a list (1), pathKey of one that has it
 * e content(33) pathKey       a further path that has it
 * l content(32)               encoded block list
 * b block(32)                 content(32), offset in it (6), length (4)
 * q seq(6)                    contents that came and went with the commit of this seq and do not stand in c, e, l and b yet
 * i id                        an intent
 * v seq(6)                    the move of a folder that begins after this seq: its last seq (6), encoded move
 * p device                    how far we are in a peer's log: epoch (8), seq (6)
 * a device                    how far the peer held our log when its root was ours: seq (6)
 * ```
 *
 * `content(33)` is the hash and a byte: 1 when it is of the bytes of a single block, 0 when it is of a block list.
 */
export const prefix = {
  meta: 0x6d,
  page: 0x6e,
  log: 0x67,
  leaf: 0x73,
  content: 0x63,
  extra: 0x65,
  list: 0x6c,
  block: 0x62,
  queue: 0x71,
  intent: 0x69,
  peer: 0x70,
  ack: 0x61,
  move: 0x76,
} as const

/** What to do with older ones: migrate-layout.ts. */
export const layoutVersion = 2

export const metaKeys = {
  layout: textKey(prefix.meta, 'layout'),
  incarnation: textKey(prefix.meta, 'incarnation'),
  head: textKey(prefix.meta, 'head'),
  /** What is known of tombstones that are gone (forget-notes.ts). */
  forgotten: textKey(prefix.meta, 'forgotten'),
  /** There from opening to closing: no seq at or above it was ever given out. */
  ceiling: textKey(prefix.meta, 'ceiling'),
}

/** A key of one prefix byte and `rest`. */
export function prefixed(first: number, rest: Uint8Array): Uint8Array {
  const key = Buffer.allocUnsafe(1 + rest.length)
  key[0] = first
  key.set(rest, 1)
  return key
}

export function textKey(first: number, text: string): Uint8Array {
  return prefixed(first, Buffer.from(text, 'utf8'))
}

/** The key of the page of the leaf that begins at `firstKey`. */
export function pageKey(firstKey: Uint8Array): Uint8Array {
  return prefixed(prefix.page, firstKey)
}

export function logKey(seq: number): Uint8Array {
  const key = Buffer.allocUnsafe(7)
  key[0] = prefix.log
  key.writeUIntBE(seq, 1, 6)
  return key
}

/** `content` are the 33 bytes. */
export function extraKey(content: Uint8Array, key: Uint8Array): Uint8Array {
  return prefixed(prefix.extra, Buffer.concat([content, key]))
}

/** The keys of `first` from `from` on to `to` (null: to the last). */
export function keyRange(first: number, from: Uint8Array, to: Uint8Array | null): { from: Uint8Array; to: Uint8Array } {
  return { from: prefixed(first, from), to: to === null ? Uint8Array.of(first + 1) : prefixed(first, to) }
}
