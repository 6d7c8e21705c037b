import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { blockListBytesMax, pathBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { parseRelativePath, type RelativePath } from '../model/relative-path.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { keyRange, prefix, textKey } from './index-keys.ts'
import { readRange } from './read-range.ts'

/** What is about to be renamed into place: a restart that finds it there adopts it instead of taking it for an edit. */
export interface Intent {
  /** Names what it was written down with: one commit clears all of that. */
  readonly id: string
  readonly record: FileRecord
  /** The encoded block list, where the file has more than one block. */
  readonly blockList: Uint8Array | null
  /** The name in the staging folder; '' where nothing is staged. */
  readonly staged: string
  /** Where what is at the path is to be kept, the loser of a conflict. */
  readonly copyPath?: RelativePath
}

/** What writes intents down: one row for all of an id, since a row each costs more than most that is done for a file. */
export function intentPuts(intents: readonly Intent[]): StoreOperation[] {
  return Array.from(
    Map.groupBy(intents, ({ id }) => id),
    ([id, ofId]) => ({ type: 'put', key: textKey(prefix.intent, id), value: encodeIntents(ofId) }),
  )
}

/** Field 4 for each: 1 record, 2 block list, 3 staged name, 5 path of the copy. */
function encodeIntents(intents: readonly Intent[]): Uint8Array {
  const writer = new WireWriter(4096)
  for (const { record, blockList, staged, copyPath } of intents) {
    one.clear().element(1, encodeRecord(record))
    if (blockList !== null) one.bytes(2, blockList)
    one.string(3, staged)
    if (copyPath !== undefined) one.string(5, copyPath)
    writer.element(4, one.written)
  }
  return writer.finish()
}

/** Each is copied before the next begins. */
const one = new WireWriter(1024)

/** All intents. @throws {P2psyncError} `index-damaged` */
export async function readIntents(store: KeyValueStore): Promise<Intent[]> {
  const rows = await readRange(store, keyRange(prefix.intent, new Uint8Array(0), null))
  return rows.flatMap(([key, value]) => decodeIntents(Buffer.from(key.subarray(1)).toString('utf8'), value))
}

function decodeIntents(id: string, bytes: Uint8Array): Intent[] {
  try {
    const intents: Intent[] = []
    const reader = new WireReader(bytes)
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 4) intents.push(decodeIntent(id, reader.bytes(bytes.length)))
      else reader.skip()
    }
    // Of an earlier version, which gave each a row of its own.
    return intents.length > 0 ? intents : [decodeIntent(id, bytes)]
  } catch (cause) {
    throw new P2psyncError('index-damaged', 'the index holds an intent that cannot be read', { cause })
  }
}

function decodeIntent(id: string, bytes: Uint8Array): Intent {
  let record: FileRecord | null = null
  let blockList: Uint8Array | null = null
  let staged = ''
  let copyPath: RelativePath | null = null
  const reader = new WireReader(bytes)
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) record = decodeRecord(reader.bytes(recordBytesMax))
    else if (field === 2) blockList = reader.bytes(blockListBytesMax).slice()
    else if (field === 3) staged = reader.string(recordBytesMax)
    else if (field === 5) copyPath = parseRelativePath(reader.string(pathBytesMax))
    else reader.skip()
  }
  if (record === null) throw new RangeError('an intent without a record')
  return { id, record, blockList, staged, ...(copyPath === null ? {} : { copyPath }) }
}
