import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { blockListBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { keyRange, prefix, textKey } from './index-keys.ts'
import { readRange } from './read-range.ts'

/** What is about to be renamed into place: a restart that finds it there adopts it instead of taking it for an edit. */
export interface Intent {
  /** Names it for clearing; unique among those that are open. */
  readonly id: string
  readonly record: FileRecord
  /** The encoded block list, where the file has more than one block. */
  readonly blockList: Uint8Array | null
  /** The name in the staging folder. */
  readonly staged: string
}

/** What writes an intent down. Fields: 1 record, 2 block list, 3 staged name; the id is in the key. */
export function intentPut(intent: Intent): StoreOperation {
  const value = new WireWriter(512)
    .element(1, encodeRecord(intent.record))
    .bytes(2, intent.blockList ?? new Uint8Array(0))
    .string(3, intent.staged)
    .finish()
  return { type: 'put', key: textKey(prefix.intent, intent.id), value }
}

/** All intents. @throws {P2psyncError} `index-damaged` */
export async function readIntents(store: KeyValueStore): Promise<Intent[]> {
  const rows = await readRange(store, keyRange(prefix.intent, new Uint8Array(0), null))
  return rows.map(([key, value]) => decodeIntent(Buffer.from(key.subarray(1)).toString('utf8'), value))
}

/** @throws {P2psyncError} `index-damaged` */
function decodeIntent(id: string, bytes: Uint8Array): Intent {
  try {
    let record: FileRecord | null = null
    let blockList: Uint8Array | null = null
    let staged = ''
    const reader = new WireReader(bytes)
    for (let field = reader.next(); field !== 0; field = reader.next()) {
      if (field === 1) record = decodeRecord(reader.bytes(recordBytesMax))
      else if (field === 2) blockList = reader.bytes(blockListBytesMax).slice()
      else if (field === 3) staged = reader.string(recordBytesMax)
      else reader.skip()
    }
    if (record === null) throw new RangeError('an intent without a record')
    return { id, record, blockList, staged }
  } catch (cause) {
    throw new P2psyncError('index-damaged', 'the index holds an intent that cannot be read', { cause })
  }
}
