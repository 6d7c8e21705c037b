/**
 * The layout of a folder's database: the first byte of a key says what the row is.
 *
 * ```
 * m name                      layout version, incarnation, head and seq ceiling (index-head.ts)
 * n first key of a leaf       the rows of the leaf (leaf-page.ts, row-codec.ts)
 * h seq(6)                    changes from this seq on, their paths and the beginnings of their contents: the log (log-row.ts)
 * s first key of a leaf       level of that key (1), hash of the leaf (32)
 * l content(32)               encoded block list
 * b block(32)                 content(32), offset in it (6), length (4)
 * k content(32)               size (6), where in the history a file with it is: kept-contents.ts
 * i id                        intents (intent-codec.ts)
 * v seq(6)                    the move of a folder that begins after this seq: its last seq (6), encoded move
 * p device                    how far we are in a peer's log: epoch (8), seq (6)
 * a device                    how far the peer held our log when its root was ours: seq (6)
 * ```
 */
export const prefix = {
  meta: 0x6d,
  page: 0x6e,
  log: 0x68,
  leaf: 0x73,
  list: 0x6c,
  block: 0x62,
  kept: 0x6b,
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
  /** Since which change nobody was told of any (forget-notes.ts). */
  quiet: textKey(prefix.meta, 'quiet'),
  /** Which changes a new life has to give versions of its own (forget-notes.ts). */
  renewal: textKey(prefix.meta, 'renewal'),
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

/** The keys of `first` from `from` on to `to` (null: to the last). */
export function keyRange(first: number, from: Uint8Array, to: Uint8Array | null): { from: Uint8Array; to: Uint8Array } {
  return { from: prefixed(first, from), to: to === null ? Uint8Array.of(first + 1) : prefixed(first, to) }
}
