import { blockHashBytes } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { controlFrameBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { parseRelativePath, pathFromKey, pathKey, type RelativePath } from '../model/relative-path.ts'
import type { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import { copyOfLength } from './copy-of-length.ts'
import { FrontCoder, FrontDecoder, type ListedKey } from './front-coded-keys.ts'

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

/** What one question may ask for, so that its answer fits a frame. */
export const questionNodesMax = 256
export const questionPathsMax = 256

const hash8Bytes = 8
const nothing = new Uint8Array(0)
const questionKinds = ['', 'root', 'children', 'entries', 'records'] as const

/** The body of an `ask`. */
export function encodeQuestion(id: number, question: Question): Uint8Array {
  const writer = new WireWriter().uint(1, id).uint(2, questionKinds.indexOf(question.kind))
  if (question.kind === 'root') return writer.finish()
  if (question.kind !== 'records') writer.uint(3, question.level)
  const keys = question.kind === 'records' ? question.paths.map(pathKey) : question.keys
  return writer.bytes(4, new FrontCoder().pack(keys.map((key) => ({ key, tail: nothing })))).finish()
}

/** Null when its kind is of a later version of the protocol. @throws {P2psyncError} `bad-message` or `bad-path`. */
export function decodeQuestion(reader: WireReader): { readonly id: number; readonly question: Question } | null {
  let keys: readonly ListedKey[] = []
  let id = 0
  let kind = 0
  let level = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.uint()
    else if (field === 2) kind = reader.uint()
    else if (field === 3) level = reader.uint(64)
    else if (field === 4) keys = new FrontDecoder(0).unpack(reader.bytes(controlFrameBytesMax))
    else reader.skip()
  }
  const name = questionKinds[kind]
  if (name === undefined || name === '') return null
  if (name === 'root') return { id, question: { kind: name } }
  const askedMax = name === 'records' ? questionPathsMax : questionNodesMax
  if (keys.length > askedMax) throw new P2psyncError('bad-message', 'a question that asks for too much')
  if (name === 'records') return { id, question: { kind: name, paths: keys.map(({ key }) => parsePathKey(key)) } }
  return { id, question: { kind: name, level, keys: keys.map(({ key }) => key) } }
}

function parsePathKey(key: Uint8Array): RelativePath {
  const path = parseRelativePath(pathFromKey(key))
  if (Buffer.compare(pathKey(path), key) !== 0) throw new P2psyncError('bad-path', 'a key that is not of a path')
  return path
}

/** The body of an `answer`. */
export function encodeAnswer(id: number, answer: Answer): Uint8Array {
  const writer = new WireWriter(4096).uint(1, id).uint(2, questionKinds.indexOf(answer.kind))
  if (answer.kind === 'root') writer.bytes(3, answer.root).uint(4, answer.height)
  else if (answer.kind === 'records') for (const record of answer.records) writer.element(6, encodeRecord(record))
  else {
    const coder = new FrontCoder()
    for (const node of answer.nodes) {
      writer.element(5, coder.pack(node.map(({ key, hash8 }) => ({ key, tail: hash8 }))))
    }
  }
  return writer.finish()
}

/** Null when its kind is of a later version of the protocol. @throws {P2psyncError} `bad-message` or `bad-path`. */
export function decodeAnswer(reader: WireReader): { readonly id: number; readonly answer: Answer } | null {
  const nodes: KeyHash[][] = []
  const decoder = new FrontDecoder(hash8Bytes)
  const records: FileRecord[] = []
  let id = 0
  let kind = 0
  let root: Uint8Array = new Uint8Array(blockHashBytes)
  let height = 0
  for (let field = reader.next(); field !== 0; field = reader.next()) {
    if (field === 1) id = reader.uint()
    else if (field === 2) kind = reader.uint()
    else if (field === 3) root = copyOfLength(reader.bytes(blockHashBytes), blockHashBytes)
    else if (field === 4) height = reader.uint(64)
    else if (field === 5) nodes.push(decoder.unpack(reader.bytes(controlFrameBytesMax)).map(toKeyHash))
    else if (field === 6) records.push(decodeRecord(reader.bytes(recordBytesMax)))
    else reader.skip()
    if (nodes.length > questionNodesMax) throw new P2psyncError('bad-message', 'an answer about too many nodes')
  }
  const name = questionKinds[kind]
  if (name === undefined || name === '') return null
  if (name === 'root') return { id, answer: { kind: name, root, height } }
  if (name === 'records') return { id, answer: { kind: name, records } }
  return { id, answer: { kind: name, nodes } }
}

function toKeyHash({ key, tail }: ListedKey): KeyHash {
  return { key, hash8: tail }
}
