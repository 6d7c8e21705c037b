import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { BlockRead, FileTasks } from '../ports/file-tasks.ts'
import type { FrameStream } from '../ports/transport.ts'
import { decodeBlockRequest, encodeReplyHeader, type BlockRequest, type FileWant } from './block-messages.ts'

/** Replies that are being read from the disk while earlier ones are on their way: each holds up to 4 MiB. */
const repliesAheadMax = 3

/**
 * Answers a peer's requests for blocks, in their order. What is sent was read and checked against its hash right before;
 * what is no longer there is said to be missing.
 */
export class BlockServer {
  readonly #index: FolderIndex
  readonly #tasks: FileTasks
  /** Where the contents of the last requests were found, as long as the index has not changed: a large file asks often. */
  #found = new Map<BlockHash, RelativePath>()
  #foundAtSeq = 0

  constructor(deps: { index: FolderIndex; tasks: FileTasks }) {
    this.#index = deps.index
    this.#tasks = deps.tasks
  }

  /** Serves until the peer ends the stream. @throws {P2psyncError} `bad-message`, `peer-gone`; the stream is closed. */
  async serve(stream: FrameStream, onSent: (bytes: number) => void): Promise<void> {
    const replies: Promise<Reply>[] = []
    let sending = Promise.resolve()
    try {
      for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
        const reply = this.#reply(decodeBlockRequest(frame))
        // The failure is met where the reply is sent.
        reply.catch(() => undefined)
        replies.push(reply)
        sending = sending.then(() => send(stream, reply, onSent))
        sending.catch(() => undefined)
        if (replies.length > repliesAheadMax) await replies.shift()
      }
      await sending
      await stream.close()
    } catch (error) {
      stream.abort('the block server stopped')
      throw error
    }
  }

  async #reply(request: BlockRequest): Promise<Reply> {
    if (request.type === 'list') {
      const list = await this.#index.blockList(request.content)
      if (list === null || request.offset >= list.length) return { found: [false], bytes: new Uint8Array(0) }
      return { found: [true], bytes: list.slice(request.offset, request.offset + request.length) }
    }
    const sources = await this.#sources(request.wants)
    const reads: BlockRead[] = []
    const asked: boolean[] = []
    for (const [i, want] of request.wants.entries()) {
      const path = sources[i] ?? null
      for (const block of want.blocks) {
        asked.push(path !== null)
        if (path !== null) reads.push({ path, offset: block.offset, length: block.length, hash: block.hash })
      }
    }
    const { found, bytes } = await this.#tasks.readBlocks(reads)
    let next = 0
    return { found: asked.map((wasAsked) => wasAsked && found[next++] === true), bytes }
  }

  /** Where each wanted content is on this disk now: at the path of the hint, or at any other. */
  async #sources(wants: readonly FileWant[]): Promise<(RelativePath | null)[]> {
    if (this.#foundAtSeq !== this.#index.seq || this.#found.size > foundMax) this.#found = new Map()
    this.#foundAtSeq = this.#index.seq
    const unknown = wants.filter((want) => !this.#found.has(want.content))
    if (unknown.length > 0) await this.#find(unknown)
    return wants.map((want) => this.#found.get(want.content) ?? null)
  }

  async #find(wants: readonly FileWant[]): Promise<void> {
    const found = this.#found
    const rows = await this.#index.getMany(wants.map((want) => want.path))
    await Promise.all(
      wants.map(async (want, i) => {
        const hinted = rows[i] ?? null
        const other = hinted?.record.content === want.content ? null : await this.#index.rowOfContent(want.content)
        // The hint may name another version, whose blocks are still the wanted ones.
        const usable = other ?? (hinted?.record.kind === 'file' ? hinted : null)
        if (usable !== null) found.set(want.content, usable.record.path)
      }),
    )
  }
}

const foundMax = 10_000

interface Reply {
  readonly found: readonly boolean[]
  readonly bytes: Uint8Array
}

async function send(stream: FrameStream, pending: Promise<Reply>, onSent: (bytes: number) => void): Promise<void> {
  const reply = await pending
  await stream.send(encodeReplyHeader(reply.found), reply.bytes)
  onSent(reply.bytes.length)
}
