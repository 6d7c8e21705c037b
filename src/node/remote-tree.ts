import type { LeafEntry, NodeRef, NodeSummary, TreeRoot, TreeSource } from '../merkle/diff-trees.ts'
import { P2psyncError } from '../model/errors.ts'
import type { FileRecord } from '../model/file-record.ts'
import { controlFrameBytesMax } from '../model/limits.ts'
import { parseRelativePath, pathFromKey, type RelativePath } from '../model/relative-path.ts'
import { questionNodesMax, type Answer, type Question } from './tree-messages.ts'

/** A peer's Merkle tree, asked for over its session. */
export class RemoteTree implements TreeSource {
  readonly #ask: (id: number, question: Question) => Promise<void>
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: unknown) => void }>()
  #nextId = 1

  constructor(ask: (id: number, question: Question) => Promise<void>) {
    this.#ask = ask
  }

  /** True while an answer is owed. */
  get isAsking(): boolean {
    return this.#waiting.size > 0
  }

  async root(): Promise<TreeRoot> {
    const answer = await this.#question({ kind: 'root' })
    return { hash: answer.root, height: answer.height }
  }

  async children(nodes: readonly NodeRef[]): Promise<readonly (readonly NodeSummary[])[]> {
    const answered = await this.#nodes('children', nodes)
    return answered.map((node) => node.map(({ key, hash8 }) => ({ firstKey: key, hash8 })))
  }

  async entries(leaves: readonly NodeRef[]): Promise<readonly (readonly LeafEntry[])[]> {
    const answered = await this.#nodes('entries', leaves)
    return answered.map((node) => node.map(({ key, hash8 }) => ({ path: parseRelativePath(pathFromKey(key)), hash8 })))
  }

  /** The peer's records at these paths; what it does not have is left out. */
  async records(paths: readonly RelativePath[]): Promise<readonly FileRecord[]> {
    const records: FileRecord[] = []
    for (let rest = paths; rest.length > 0;) {
      const asked = rest.slice(
        0,
        fitting(rest, (path) => path.length * 3),
      )
      const answer = await this.#question({ kind: 'records', paths: asked })
      for (const record of answer.records) records.push(record)
      // An answer may stop before its end, so that it fits a frame.
      const last = answer.records.at(-1)
      const at = last === undefined ? asked.length - 1 : asked.indexOf(last.path)
      if (at < 0) throw new P2psyncError('bad-message', 'an answer about other paths')
      rest = rest.slice(at + 1)
    }
    return records
  }

  /** An answer to nothing is ignored: its question was given up. */
  onAnswer(id: number, answer: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    waiting?.resolve(answer)
  }

  close(): void {
    for (const waiting of this.#waiting.values()) waiting.reject(new P2psyncError('peer-gone', 'the session ended'))
    this.#waiting.clear()
  }

  async #nodes(
    kind: 'children' | 'entries',
    refs: readonly NodeRef[],
  ): Promise<Extract<Answer, { nodes: unknown }>['nodes']> {
    if (refs.length === 0) return []
    if (refs.length > questionNodesMax) throw new RangeError(`a question about ${refs.length} nodes`)
    const keys = refs
      .slice(
        0,
        fitting(refs, (ref) => ref.firstKey.length),
      )
      .map((ref) => ref.firstKey)
    const answer = await this.#question({ kind, level: refs[0]!.level, keys })
    // An answer may stop before its end, so that it fits a frame: the walk asks for the rest again.
    const count = answer.nodes.length
    if (count === 0 || count > keys.length) throw new P2psyncError('bad-message', 'an answer about other nodes')
    return answer.nodes
  }

  async #question<K extends Question['kind']>(question: Question & { kind: K }): Promise<Extract<Answer, { kind: K }>> {
    const id = this.#nextId++
    const answered = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    answered.catch(() => undefined)
    await this.#ask(id, question)
    const answer = await answered
    if (answer.kind !== question.kind) throw new P2psyncError('bad-message', 'an answer to another question')
    return answer as Extract<Answer, { kind: K }>
  }
}

/** How many of `items`, at least one, fit a question. */
function fitting<T>(items: readonly T[], bytesOf: (item: T) => number): number {
  let bytes = 0
  const beyond = items.findIndex((item) => {
    bytes += bytesOf(item) + 8
    return bytes > questionBytesMax
  })
  return beyond < 0 ? items.length : Math.max(beyond, 1)
}

const questionBytesMax = controlFrameBytesMax / 2
