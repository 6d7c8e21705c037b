import type { FolderIndex } from '../file-index/folder-index.ts'
import { P2psyncError } from '../model/errors.ts'
import { pathKey } from '../model/relative-path.ts'
import { splitBySize } from './record-size.ts'
import type { Answer, Question } from './tree-messages.ts'

/** Answers what a peer asks of our tree. What is not there (any more) is answered with nothing; an answer that would not fit a frame ends early. */
export async function answerQuestion(index: FolderIndex, question: Question): Promise<Answer> {
  const tree = index.localTree()
  switch (question.kind) {
    case 'root': {
      const { hash, height } = await tree.root()
      return { kind: 'root', root: hash, height }
    }
    case 'children': {
      const nodes = await tree.children(question.keys.map((firstKey) => ({ level: question.level, firstKey })))
      const answer = nodes.map((children) => children.map(({ firstKey, hash8 }) => ({ key: firstKey, hash8 })))
      return { kind: 'children', nodes: answer }
    }
    case 'entries': {
      const nodes = await tree.entries(question.keys.map((firstKey) => ({ level: 0, firstKey })))
      const answer = nodes.map((entries) => entries.map(({ path, hash8 }) => ({ key: pathKey(path), hash8 })))
      return { kind: 'entries', nodes: answer }
    }
    case 'records': {
      const rows = await index.getMany(question.paths)
      const records = rows.flatMap((row) => (row === null ? [] : [row.record]))
      return { kind: 'records', records: splitBySize(records)[0]! }
    }
  }
}

/** Our side of a walk has one question under way. */
const answersPendingMax = 8

/** Answers one peer, without waiting: two sides that answer each other while neither reads would wait for ever. */
export class Answers {
  readonly #deps: AnswersDeps
  #pending = 0

  constructor(deps: AnswersDeps) {
    this.#deps = deps
  }

  /** @throws {P2psyncError} `limit` when the peer asks more than it takes answers for. */
  answer(id: number, question: Question): void {
    if (++this.#pending > answersPendingMax) {
      throw new P2psyncError('limit', 'the device asks more than it takes answers for')
    }
    answerQuestion(this.#deps.index, question)
      .then((answer) => this.#deps.send(id, answer))
      .then(() => this.#pending--, this.#deps.onFailed)
  }
}

export interface AnswersDeps {
  readonly index: FolderIndex
  readonly send: (id: number, answer: Answer) => Promise<void>
  readonly onFailed: (error: unknown) => void
}
