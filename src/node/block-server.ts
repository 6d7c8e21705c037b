import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { BlockRead, FileTasks } from '../ports/file-tasks.ts'
import type { FrameStream } from '../ports/transport.ts'
import { decodeBlockRequest, encodeReplyHeader, type BlockRequest, type FileWant } from './block-messages.ts'

/** Replies that are being read from the disk or sent: each holds up to 4 MiB. */
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
    const buffers = new ReplyBuffers()
    const underway: Promise<void>[] = []
    let sent = Promise.resolve()
    try {
      for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
        const { request, received } = decodeBlockRequest(frame)
        const reply = this.#reply(request, buffers.take(received))
        sent = Promise.all([reply, sent]).then(async ([{ found, bytes }]) => {
          buffers.lend(bytes)
          await stream.send(encodeReplyHeader(found), bytes)
          onSent(bytes.length)
        })
        // The failure is met below.
        sent.catch(() => undefined)
        underway.push(sent)
        if (underway.length > repliesAheadMax) await underway.shift()
      }
      await sent
      await stream.close()
    } catch (error) {
      stream.abort('the block server stopped')
      throw error
    }
  }

  async #reply(request: BlockRequest, into: Uint8Array | undefined): Promise<Reply> {
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
    const { found, bytes } = await this.#tasks.readBlocks(reads, into)
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
/** More than a client of ours has asked for and not yet received. */
const lentBytesMax = 12 * 1024 * 1024

interface Reply {
  readonly found: readonly boolean[]
  readonly bytes: Uint8Array
}

/**
 * The buffers of one stream's replies, used again once the peer says that it has received them: only then is it certain
 * that nobody here, down to the socket, still reads them. A peer that lies spoils only what it gets itself.
 */
class ReplyBuffers {
  readonly #lent: Uint8Array[] = []
  #lentBefore = 0
  #lentBytes = 0

  /** A buffer for the next reply, when the peer has `received` so many, or undefined. */
  take(received: number): Uint8Array | undefined {
    return received > this.#lentBefore ? this.#takeOldest() : undefined
  }

  /** To be called with each reply, in the order in which they are sent. */
  lend(bytes: Uint8Array): void {
    this.#lent.push(bytes)
    this.#lentBytes += bytes.length
    // A peer that never says what it has received must not make us keep them all.
    if (this.#lentBytes > lentBytesMax) this.#takeOldest()
  }

  #takeOldest(): Uint8Array | undefined {
    this.#lentBefore++
    const oldest = this.#lent.shift()
    this.#lentBytes -= oldest?.length ?? 0
    return oldest
  }
}
