import { blockHashBytes } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { counterMax, deviceNameBytesMax, pathBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { parseRelativePath, type RelativePath } from '../model/relative-path.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'

/** The messages of `/p2psync/sync/1.0.0`: one byte of type, then a protocol-buffers body. See PROTOCOL.md. */
export type SyncMessage =
  | { readonly type: 'hello'; readonly hello: Hello }
  | { readonly type: 'changes'; readonly changes: Changes }
  | { readonly type: 'ask'; readonly id: number; readonly question: Question }
  | { readonly type: 'answer'; readonly id: number; readonly answer: Answer }
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

export type Question =
  | { readonly kind: 'root' }
  | { readonly kind: 'children' | 'entries'; readonly level: number; readonly keys: readonly Uint8Array[] }
  | { readonly kind: 'records'; readonly paths: readonly RelativePath[] }

export type Answer =
  | { readonly kind: 'root'; readonly root: Uint8Array; readonly height: number }
  /** For each asked node its children, or for each leaf its entries: key and the first 8 bytes of the hash. */
  | { readonly kind: 'children' | 'entries'; readonly nodes: readonly (readonly KeyHash[])[] }
  | { readonly kind: 'records'; readonly records: readonly FileRecord[] }

export interface KeyHash {
  readonly key: Uint8Array
  readonly hash8: Uint8Array
}

export const syncProtocolVersion = 1
/** What one question may ask for, so that its answer fits a frame. */
export const questionNodesMax = 256
export const questionPathsMax = 256

const questionKinds = ['', 'root', 'children', 'entries', 'records'] as const
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
    case 3:
      return decodeQuestion(reader)
    case 4:
      return decodeAnswer(reader)
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

function encodeQuestion(id: number, question: Question): Uint8Array {
  const writer = new WireWriter().uint(1, id).uint(2, questionKinds.indexOf(question.kind))
  if (question.kind === 'children' || question.kind === 'entries') {
    writer.uint(3, question.level)
    for (const key of question.keys) writer.element(4, key)
  }
  if (question.kind === 'records') for (const path of question.paths) writer.string(5, path)
  return writer.finish()
}

function decodeQuestion(reader: WireReader): SyncMessage {
  const keys: Uint8Array[] = []
  const paths: RelativePath[] = []
  let id = 0
  let kind = 0
  let level = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.uint()
    else if (field === 2) kind = reader.uint()
    else if (field === 3) level = reader.uint(64)
    else if (field === 4) keys.push(reader.bytes(pathBytesMax).slice())
    else if (field === 5) paths.push(parseRelativePath(reader.string(pathBytesMax)))
    else reader.skip()
    if (keys.length > questionNodesMax || paths.length > questionPathsMax) {
      throw new P2psyncError('bad-message', 'a question that asks for too much')
    }
  }
  const name = questionKinds[kind]
  if (name === undefined || name === '') return { type: 'unknown' }
  if (name === 'root') return { type: 'ask', id, question: { kind: name } }
  if (name === 'records') return { type: 'ask', id, question: { kind: name, paths } }
  return { type: 'ask', id, question: { kind: name, level, keys } }
}

function encodeAnswer(id: number, answer: Answer): Uint8Array {
  const writer = new WireWriter(4096).uint(1, id).uint(2, questionKinds.indexOf(answer.kind))
  if (answer.kind === 'root') writer.bytes(3, answer.root).uint(4, answer.height)
  else if (answer.kind === 'records') for (const record of answer.records) writer.element(6, encodeRecord(record))
  else for (const node of answer.nodes) writer.element(5, encodeNode(node))
  return writer.finish()
}

function encodeNode(entries: readonly KeyHash[]): Uint8Array {
  const writer = new WireWriter(1024)
  for (const { key, hash8 } of entries) writer.element(1, hash8).element(2, key)
  return writer.finish()
}

function decodeAnswer(reader: WireReader): SyncMessage {
  const nodes: KeyHash[][] = []
  const records: FileRecord[] = []
  let id = 0
  let kind = 0
  let root: Uint8Array = emptyState.root
  let height = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.uint()
    else if (field === 2) kind = reader.uint()
    else if (field === 3) root = copyOfLength(reader.bytes(blockHashBytes), blockHashBytes)
    else if (field === 4) height = reader.uint(64)
    else if (field === 5) nodes.push(decodeNode(new WireReader(reader.bytes(Number.MAX_SAFE_INTEGER))))
    else if (field === 6) records.push(decodeRecord(reader.bytes(recordBytesMax)))
    else reader.skip()
  }
  const name = questionKinds[kind]
  if (name === undefined || name === '') return { type: 'unknown' }
  if (name === 'root') return { type: 'answer', id, answer: { kind: name, root, height } }
  if (name === 'records') return { type: 'answer', id, answer: { kind: name, records } }
  return { type: 'answer', id, answer: { kind: name, nodes } }
}

function decodeNode(reader: WireReader): KeyHash[] {
  const entries: KeyHash[] = []
  let hash8: Uint8Array | null = null
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) hash8 = copyOfLength(reader.bytes(8), 8)
    else if (field === 2) {
      if (hash8 === null) throw new P2psyncError('bad-message', 'a tree node with a key but no hash')
      entries.push({ key: reader.bytes(pathBytesMax).slice(), hash8 })
      hash8 = null
    } else reader.skip()
  }
  return entries
}

function copyOfLength(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new P2psyncError('bad-message', `${bytes.length} bytes where ${length} belong`)
  return bytes.slice()
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
