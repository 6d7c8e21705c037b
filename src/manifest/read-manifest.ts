import { isUtf8 } from 'node:buffer'
import { errorText, P2psyncError } from '../model/errors.ts'
import { comparePaths, type RelativePath } from '../model/relative-path.ts'
import { asObject, checkBlocksText, decodeEntry, decodeProblem, ManifestFlaw } from './decode-entry.ts'
import { manifestVersion, type ManifestEntry, type ManifestPart, type ManifestProblem } from './manifest-entry.ts'
import { readLines } from './read-lines.ts'

/**
 * Reads a manifest as it was written, a line at a time, in parts of a few hundred entries: a million files take no more
 * memory than one. One that is laid out otherwise (by `jq`, by an editor) is read whole, up to
 * {@link wholeManifestBytesMax}. Whatever is in it is checked, and bounded before it is parsed.
 *
 * @throws {P2psyncError} `bad-manifest`; the message begins with `name` and names the line, and the field.
 */
export async function* readManifest(
  bytes: AsyncIterable<Uint8Array>,
  { name }: { readonly name: string },
): AsyncGenerator<ManifestPart, void> {
  const reader = new ManifestReader()
  let lineNumber = 0
  try {
    for await (const lines of readLines(bytes, { isWanted: (line) => isHead(line), lineBytesMax, wholeBytesMax })) {
      if (lines.type === 'whole') {
        yield readWhole(lines.bytes)
        return
      }
      for (const line of lines.lines) {
        lineNumber++
        reader.take(textOf(line))
      }
      yield reader.part()
    }
    lineNumber++
    reader.end()
  } catch (error) {
    if (!(error instanceof ManifestFlaw)) throw error
    const where = lineNumber > 0 ? `line ${lineNumber}: ` : ''
    throw new P2psyncError('bad-manifest', `${name} is not a manifest that can be read: ${where}${error.message}`, {
      hint: 'Write it again: p2psync manifest <folder> > FILE.',
      cause: error,
    })
  }
}

/** A manifest that is not laid out in lines of one entry. */
export const wholeManifestBytesMax = 64 * 1024 * 1024

const wholeBytesMax = wholeManifestBytesMax
// The largest block list, as text, and its entry.
const lineBytesMax = 112 * 1024 * 1024
// Without its blocks: path and link target with every character escaped.
const entryTextMax = 256 * 1024

/** The lines of one manifest, one after the other. */
class ManifestReader {
  readonly #order = new OrderCheck()
  #state: 'head' | 'entries' | 'problems' | 'end' = 'head'
  // After a line without a comma nothing may follow in its list; after one with a comma something must.
  #wantsMore: boolean | null = null
  #entries: ManifestEntry[] = []
  #problems: ManifestProblem[] = []

  take(line: string): void {
    if (this.#state === 'head') {
      checkHead(parse(`${line}]}`))
      this.#state = 'entries'
    } else if (this.#state === 'end') {
      if (line !== '') throw new ManifestFlaw('something follows the end of the manifest')
    } else if (line.startsWith(']')) {
      this.#endList(line)
    } else {
      const item = this.#itemText(line)
      if (this.#state === 'entries') this.#entries.push(this.#order.checked(readEntryText(item)))
      else this.#problems.push(decodeProblem(parse(bounded(item))))
    }
  }

  /** What was read since the last call. */
  part(): ManifestPart {
    const part = { entries: this.#entries, problems: this.#problems }
    this.#entries = []
    this.#problems = []
    return part
  }

  end(): void {
    if (this.#state !== 'end') throw new ManifestFlaw('the manifest was cut off here')
  }

  #itemText(line: string): string {
    if (this.#wantsMore === false) throw new ManifestFlaw('a comma is missing at the end of the line before')
    this.#wantsMore = line.endsWith(',')
    return this.#wantsMore ? line.slice(0, -1) : line
  }

  #endList(line: string): void {
    if (this.#wantsMore === true) throw new ManifestFlaw('an entry is missing after a comma')
    this.#wantsMore = null
    if (this.#state === 'entries' && line === '],"problems":[') this.#state = 'problems'
    else if (this.#state === 'problems') {
      parse(bounded(`{"end":[${line}`))
      this.#state = 'end'
    } else throw new ManifestFlaw('the list of problems is missing')
  }
}

/** Ascending paths: no path twice, and two manifests can be compared as they are read. */
class OrderCheck {
  #last: string | null = null

  checked(entry: ManifestEntry): ManifestEntry {
    const last = this.#last
    if (last !== null && comparePaths(last as RelativePath, entry.path as RelativePath) >= 0) {
      throw new ManifestFlaw(`"path" is not in path order: ${JSON.stringify(entry.path)} after ${JSON.stringify(last)}`)
    }
    this.#last = entry.path
    return entry
  }
}

// A quote inside of a JSON text has a backslash before it, so that this is found in no path.
const blocksStart = ',"blocks":['

function readEntryText(text: string): ManifestEntry {
  const at = text.indexOf(blocksStart)
  if (at < 0 || !text.endsWith(']}')) return decodeEntry(parse(bounded(text)))
  const entry = decodeEntry(parse(bounded(`${text.slice(0, at)}}`)))
  if (entry.kind !== 'file') throw new ManifestFlaw('"blocks" belong to files only')
  checkBlocksText(text.slice(at + blocksStart.length, -2), entry.sizeBytes)
  return entry
}

function isHead(line: Uint8Array): boolean {
  const text = Buffer.from(line.buffer, line.byteOffset, Math.min(line.length, entryTextMax)).toString('latin1')
  return text.startsWith('{"p2psyncManifest":') && text.endsWith('"entries":[')
}

function checkHead(head: unknown): Readonly<Record<string, unknown>> {
  const fields = asObject(head, 'the file')
  const { p2psyncManifest: found } = fields
  if (typeof found !== 'number') throw new ManifestFlaw('it does not begin with "p2psyncManifest"')
  if (found > manifestVersion) {
    throw new ManifestFlaw(`it was written by a newer p2psync (format ${found}, this one reads ${manifestVersion})`)
  }
  if (found !== manifestVersion) throw new ManifestFlaw(`its format ${found} is not known`)
  return fields
}

function readWhole(bytes: Uint8Array): ManifestPart {
  const { entries, problems = [] } = checkHead(parse(textOf(bytes)))
  if (!Array.isArray(entries) || !Array.isArray(problems)) throw new ManifestFlaw('"entries" is not a list')
  const order = new OrderCheck()
  const decoded = (entries as readonly unknown[]).map((entry, i) => {
    try {
      return order.checked(decodeEntry(entry))
    } catch (error) {
      if (error instanceof ManifestFlaw) throw new ManifestFlaw(`entry ${i + 1}: ${error.message}`)
      throw error
    }
  })
  return { entries: decoded, problems: (problems as readonly unknown[]).map((problem) => decodeProblem(problem)) }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw new ManifestFlaw(`it is not JSON: ${errorText(error).slice(0, 200)}`)
  }
}

function bounded(text: string): string {
  if (text.length > entryTextMax) throw new ManifestFlaw(`an entry is longer than ${entryTextMax} characters`)
  return text
}

function textOf(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new ManifestFlaw('it is not UTF-8')
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')
}
