import { blockHashBytes } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { decodeMove, encodeMove, type FolderMove } from '../model/folder-move.ts'
import { counterMax, deviceNameBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import { copyOfLength } from './copy-of-length.ts'
import { decodeDraft, encodeDraft, type DraftMessage } from './draft-message.ts'
import {
  decodeAnswer,
  decodeQuestion,
  encodeAnswer,
  encodeQuestion,
  type Answer,
  type Question,
} from './tree-messages.ts'

/** The messages of `/p2psync/sync/1.0.0`: one byte of type, then a protocol-buffers body. See PROTOCOL.md. */
export type SyncMessage =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'changes'; readonly changes: Changes }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
  /** The whole of the sender's log from where the last frame ended up to `toSeq`: the move of one folder. */
  | { readonly type: 'move'; readonly move: FolderMove; readonly toSeq: number }
  /** Answers a move: taken over, or its records are to be sent instead. */
  | { readonly type: 'moved'; readonly toSeq: number; readonly taken: boolean }
  | { readonly type: 'draft'; readonly draft: DraftMessage }
  /** Of a later version of the protocol: ignored. */
  | { readonly type: 'unknown' }

export interface Hello {
  readonly version: number
  readonly deviceName: string
  /** Names our sequence log: 16 hex digits. */
  readonly epoch: string
  readonly seq: number
  /** How far we have taken in the peer's log; '' when we do not know it. */
  readonly knownEpoch: string
  readonly knownSeq: number
  readonly state: ReplicaState
}

/** Where a replica stands, as it tells its peers. */
export interface ReplicaState {
  /** The Merkle root: 32 bytes. */
  readonly root: Uint8Array
  readonly entries: number
  readonly files: number
  readonly bytes: number
  readonly neededFiles: number
  readonly neededBytes: number
  /** It is scanning, fetching or applying: its root is about to change. */
  readonly busy: boolean
}

/** The records of the sender's log up to `toSeq`. */
export interface Changes {
  readonly records: readonly FileRecord[]
  readonly toSeq: number
  /** More of the log follows at once. */
  readonly more: boolean
  /** Only with the last part. */
  readonly state: ReplicaState | null
}

/** 2: keys are front-coded, and folders move as such. */
export const syncProtocolVersion = 2
const epochBytes = 8
const stateBytesMax = 1024

export function encodeSyncMessage(message: SyncMessage): Uint8Array {
  switch (message.type) {
    case 'hello':
      return withType(1, encodeHello(message.hello))
    case 'changes':
      return withType(2, encodeChanges(message.changes))
    case 'ask':
      return withType(3, encodeQuestion(message.id, message.question))
    case 'answer':
      return withType(4, encodeAnswer(message.id, message.answer))
    case 'move':
      return withType(5, new WireWriter().uint(1, message.toSeq).element(2, encodeMove(message.move)).finish())
    case 'moved':
      return withType(6, new WireWriter().uint(1, message.toSeq).bool(2, message.taken).finish())
    case 'draft':
      return withType(7, encodeDraft(message.draft))
    case 'unknown':
      throw new RangeError('an unknown message cannot be sent')
  }
}

/** @throws {P2psyncError} `bad-message` or `bad-path`. Records keep no reference to `frame`. */
export function decodeSyncMessage(frame: Uint8Array): SyncMessage {
  const reader = new WireReader(frame.subarray(1))
  switch (frame[0] ?? 0) {
    case 1:
      return { type: 'hello', hello: decodeHello(reader) }
    case 2:
      return { type: 'changes', changes: decodeChanges(reader) }
    case 3: {
      const asked = decodeQuestion(reader)
      return asked === null ? { type: 'unknown' } : { type: 'ask', ...asked }
    }
    case 4: {
      const answered = decodeAnswer(reader)
      return answered === null ? { type: 'unknown' } : { type: 'answer', ...answered }
    }
    case 5:
      return decodeMoveMessage(reader)
    case 6:
      return decodeMoved(reader)
    case 7:
      return { type: 'draft', draft: decodeDraft(reader) }
    default:
      return { type: 'unknown' }
  }
}

function withType(type: number, body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + 1)
  frame[0] = type
  frame.set(body, 1)
  return frame
}

function decodeMoveMessage(reader: WireReader): SyncMessage {
  let move: FolderMove | null = null
  let toSeq = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) toSeq = reader.uint(counterMax)
    else if (field === 2) move = decodeMove(reader.bytes(recordBytesMax))
    else reader.skip()
  }
  if (move === null) throw new P2psyncError('bad-message', 'a move without its paths')
  return { type: 'move', move, toSeq }
}

function decodeMoved(reader: WireReader): SyncMessage {
  const moved = { type: 'moved' as const, toSeq: 0, taken: false }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) moved.toSeq = reader.uint(counterMax)
    else if (field === 2) moved.taken = reader.bool()
    else reader.skip()
  }
  return moved
}

function encodeHello(hello: Hello): Uint8Array {
  return new WireWriter()
    .uint(1, hello.version)
    .string(2, hello.deviceName)
    .bytes(3, Buffer.from(hello.epoch, 'hex'))
    .uint(4, hello.seq)
    .bytes(5, Buffer.from(hello.knownEpoch, 'hex'))
    .uint(6, hello.knownSeq)
    .element(7, encodeState(hello.state))
    .finish()
}

function decodeHello(reader: WireReader): Hello {
  const hello = { version: 0, deviceName: '', epoch: '', seq: 0, knownEpoch: '', knownSeq: 0, state: emptyState }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) hello.version = reader.uint()
    else if (field === 2) hello.deviceName = reader.string(deviceNameBytesMax)
    else if (field === 3) hello.epoch = hex(copyOfLength(reader.bytes(epochBytes), epochBytes))
    else if (field === 4) hello.seq = reader.uint(counterMax)
    else if (field === 5) hello.knownEpoch = hex(copyOfLength(reader.bytes(epochBytes), epochBytes))
    else if (field === 6) hello.knownSeq = reader.uint(counterMax)
    else if (field === 7) hello.state = decodeState(new WireReader(reader.bytes(stateBytesMax)))
    else reader.skip()
  }
  if (hello.version === 0 || hello.epoch === '') throw new P2psyncError('bad-message', 'a hello without its version')
  return hello
}

function encodeState(state: ReplicaState): Uint8Array {
  return new WireWriter()
    .bytes(1, state.root)
    .uint(2, state.entries)
    .uint(3, state.files)
    .uint(4, state.bytes)
    .uint(5, state.neededFiles)
    .uint(6, state.neededBytes)
    .bool(7, state.busy)
    .finish()
}

const emptyState = {
  root: new Uint8Array(blockHashBytes) as Uint8Array,
  entries: 0,
  files: 0,
  bytes: 0,
  neededFiles: 0,
  neededBytes: 0,
  busy: false,
}

function decodeState(reader: WireReader): ReplicaState {
  const state = { ...emptyState }
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) state.root = copyOfLength(reader.bytes(blockHashBytes), blockHashBytes)
    else if (field === 2) state.entries = reader.uint()
    else if (field === 3) state.files = reader.uint()
    else if (field === 4) state.bytes = reader.uint()
    else if (field === 5) state.neededFiles = reader.uint()
    else if (field === 6) state.neededBytes = reader.uint()
    else if (field === 7) state.busy = reader.bool()
    else reader.skip()
  }
  return state
}

function encodeChanges(changes: Changes): Uint8Array {
  const writer = new WireWriter(64 * 1024).uint(1, changes.toSeq).bool(2, changes.more)
  for (const record of changes.records) writer.element(3, encodeRecord(record))
  if (changes.state !== null) writer.element(4, encodeState(changes.state))
  return writer.finish()
}

function decodeChanges(reader: WireReader): Changes {
  const records: FileRecord[] = []
  let toSeq = 0
  let more = false
  let state: ReplicaState | null = null
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) toSeq = reader.uint(counterMax)
    else if (field === 2) more = reader.bool()
    else if (field === 3) records.push(decodeRecord(reader.bytes(recordBytesMax)))
    else if (field === 4) state = decodeState(new WireReader(reader.bytes(stateBytesMax)))
    else reader.skip()
  }
  return { records, toSeq, more, state }
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
