import { blockHashBytes } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { pathBytesMax, recordBytesMax } from '../model/limits.ts'
import { decodeRecord, encodeRecord } from '../model/record-codec.ts'
import { parseRelativePath, type RelativePath } from '../model/relative-path.ts'
import { WireReader } from '../model/wire-reader.ts'
import { WireWriter } from '../model/wire-writer.ts'
import { copyOfLength } from './copy-of-length.ts'

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

const questionKinds = ['', 'root', 'children', 'entries', 'records'] as const

/** The body of an `ask`. */
export function encodeQuestion(id: number, question: Question): Uint8Array {
  const writer = new WireWriter().uint(1, id).uint(2, questionKinds.indexOf(question.kind))
  if (question.kind === 'children' || question.kind === 'entries') {
    writer.uint(3, question.level)
    for (const key of question.keys) writer.element(4, key)
  }
  if (question.kind === 'records') for (const path of question.paths) writer.string(5, path)
  return writer.finish()
}

/** Null when its kind is of a later version of the protocol. @throws {P2psyncError} `bad-message` or `bad-path`. */
export function decodeQuestion(reader: WireReader): { readonly id: number; readonly question: Question } | null {
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
  if (name === undefined || name === '') return null
  if (name === 'root') return { id, question: { kind: name } }
  if (name === 'records') return { id, question: { kind: name, paths } }
  return { id, question: { kind: name, level, keys } }
}

/** The body of an `answer`. */
export function encodeAnswer(id: number, answer: Answer): Uint8Array {
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

/** Null when its kind is of a later version of the protocol. @throws {P2psyncError} `bad-message` or `bad-path`. */
export function decodeAnswer(reader: WireReader): { readonly id: number; readonly answer: Answer } | null {
  const nodes: KeyHash[][] = []
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
    else if (field === 5) nodes.push(decodeNode(new WireReader(reader.bytes(Number.MAX_SAFE_INTEGER))))
    else if (field === 6) records.push(decodeRecord(reader.bytes(recordBytesMax)))
    else reader.skip()
  }
  const name = questionKinds[kind]
  if (name === undefined || name === '') return null
  if (name === 'root') return { id, answer: { kind: name, root, height } }
  if (name === 'records') return { id, answer: { kind: name, records } }
  return { id, answer: { kind: name, nodes } }
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
