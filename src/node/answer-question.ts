import type { FolderIndex } from '../file-index/folder-index.ts'
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
