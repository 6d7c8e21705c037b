import { ManifestFlaw } from './decode-entry.ts'

export interface LineOptions {
  /** Looks at the first line: false for a text that is to be read as a whole. */
  readonly isWanted: (firstLine: Uint8Array) => boolean
  readonly lineBytesMax: number
  readonly wholeBytesMax: number
}

export type Lines =
  /** Without their line breaks; views that are good until the next step. */
  | { readonly type: 'lines'; readonly lines: readonly Uint8Array[] }
  | { readonly type: 'whole'; readonly bytes: Uint8Array }

/**
 * Cuts a stream of bytes into lines, as many at a time as came together; or, when its first line is not the wanted one,
 * collects all of it.
 *
 * @throws {ManifestFlaw} when a line or the whole is longer than it may be.
 */
export async function* readLines(source: AsyncIterable<Uint8Array>, options: LineOptions): AsyncGenerator<Lines, void> {
  // The beginning of a line whose end has not come yet.
  let pieces: Uint8Array[] = []
  let pieceBytes = 0
  let mode = 'start' as 'start' | 'lines' | 'whole'
  for await (const chunk of source) {
    const lines: Uint8Array[] = []
    let at = 0
    while (mode !== 'whole') {
      const end = chunk.indexOf(lineBreak, at)
      if (end < 0) break
      const line = joined(pieces, chunk.subarray(at, end))
      if (mode === 'start') mode = options.isWanted(line) ? 'lines' : 'whole'
      if (mode === 'whole') break
      lines.push(line)
      pieces = []
      pieceBytes = 0
      at = end + 1
    }
    if (at < chunk.length) pieces.push(chunk.subarray(at))
    pieceBytes += chunk.length - at
    const bytesMax = mode === 'lines' ? options.lineBytesMax : options.wholeBytesMax
    if (pieceBytes > bytesMax) throw new ManifestFlaw(tooLong(mode, bytesMax))
    if (lines.length > 0) yield { type: 'lines', lines }
  }
  if (mode !== 'lines') yield { type: 'whole', bytes: joined(pieces, new Uint8Array()) }
  else if (pieceBytes > 0) yield { type: 'lines', lines: [joined(pieces, new Uint8Array())] }
}

const lineBreak = 10

function tooLong(mode: 'start' | 'lines' | 'whole', bytesMax: number): string {
  const mib = bytesMax / 1024 / 1024
  return mode === 'lines'
    ? `a line is longer than ${mib} MiB`
    : `it is not laid out as p2psync writes it, and longer than the ${mib} MiB that are read of such a file`
}

function joined(pieces: readonly Uint8Array[], last: Uint8Array): Uint8Array {
  return pieces.length === 0 ? last : Buffer.concat([...pieces, last])
}
