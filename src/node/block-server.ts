import { shortFormOf } from '../blocks/short-list.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import type { BlockHash } from '../model/block-hash.ts'
import { P2psyncError } from '../model/errors.ts'
import type { RelativePath } from '../model/relative-path.ts'
import type { Clock } from '../ports/clock.ts'
import type { BlockRead, FileTasks } from '../ports/file-tasks.ts'
import type { Throttle } from '../ports/throttle.ts'
import type { FrameStream } from '../ports/transport.ts'
import type { PackDecision } from '../transfer/compression.ts'
import type { LocalDrafts } from './local-drafts.ts'
import { decodeBlockRequest, encodeReplyHeader, type FileWant } from './block-messages.ts'

/** Replies that are being read from the disk or sent: each holds up to 4 MiB. */
const repliesAheadMax = 3

/**
 * Answers a peer's requests for blocks, in their order. What is sent was read and checked against its hash right before;
 * what is no longer there is said to be missing.
 */
export class BlockServer {
  /** A block that was looked for in this file was not in it. Must not block. */
  onAbsent: (path: RelativePath) => void = () => undefined
  readonly #index: FolderIndex
  readonly #tasks: FileTasks
  readonly #clock: Pick<Clock, 'monotonic'>
  readonly #drafts: Pick<LocalDrafts, 'pathOf'>
  /** Where the contents of the last requests were found, as long as the index has not changed: a large file asks often. */
  #found = new Map<BlockHash, RelativePath>()
  #foundAtSeq = 0

  constructor(deps: BlockServerDeps) {
    this.#index = deps.index
    this.#tasks = deps.tasks
    this.#clock = deps.clock
    this.#drafts = deps.drafts.local
  }

  /** Serves until the peer ends the stream. @throws {P2psyncError} `bad-message`, `peer-gone`; the stream is closed. */
  async serve(stream: FrameStream, peer: ServedPeer): Promise<void> {
    const buffers = new ReplyBuffers()
    const underway: Promise<void>[] = []
    const ended = new AbortController()
    let sent = Promise.resolve()
    peer.packing.beginStream()
    try {
      for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
        const asked = decodeBlockRequest(frame)
        peer.packing.received(asked.received, this.#clock.monotonic())
        const reply = this.#reply(asked, buffers.take(asked.received), peer)
        sent = Promise.all([reply, sent]).then(async ([{ header, bytes, isPacked }]) => {
          buffers.lend(bytes)
          await peer.throttle.take(bytes.length, ended.signal)
          peer.packing.sent(bytes.length, isPacked, this.#clock.monotonic())
          await stream.send(header, bytes)
          peer.onSent(bytes.length)
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
    } finally {
      ended.abort(new P2psyncError('peer-gone', 'the stream has ended'))
    }
  }

  async #reply({ request, accepts }: AskedBlocks, into: Uint8Array | undefined, peer: ServedPeer): Promise<Reply> {
    if (request.type === 'list') {
      const encoded = await this.#index.blockList(request.content)
      const list = encoded !== null && request.isShort ? shortFormOf(encoded) : encoded
      const isHere = list !== null && request.offset < list.length
      const bytes = isHere ? list.slice(request.offset, request.offset + request.length) : new Uint8Array(0)
      return { header: encodeReplyHeader([isHere]), bytes, isPacked: false }
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
    const [only, second] = request.wants
    const content = only === undefined || second !== undefined ? '' : only.content
    const limit = peer.throttle.bytesPerSecond
    const pack = accepts === 'zstd' ? peer.packing.next({ content, limit, nowMs: this.#clock.monotonic() }) : null
    const read = await this.#tasks.readBlocks(reads, into, pack ?? undefined)
    if (read.trial !== null) peer.packing.tried(content, read.trial, this.#clock.monotonic())
    let next = 0
    const found = asked.map((wasAsked) => wasAsked && read.found[next++] === true)
    for (const [i, isFound] of read.found.entries()) if (!isFound) this.onAbsent(reads[i]!.path)
    const isPacked = read.encoding !== 'none'
    return { header: encodeReplyHeader(found, isPacked ? read.rawBytes : null), bytes: read.bytes, isPacked }
  }

  /** Where each wanted content is on this disk now: at the path of the hint, or at any other. */
  async #sources(wants: readonly FileWant[]): Promise<(RelativePath | null)[]> {
    if (this.#foundAtSeq !== this.#index.seq || this.#found.size > foundMax) this.#found = new Map()
    this.#foundAtSeq = this.#index.seq
    const drafted = wants.map((want) => this.#drafts.pathOf(want.content))
    const unknown = wants.filter((want, i) => drafted[i] === null && !this.#found.has(want.content))
    if (unknown.length > 0) await this.#find(unknown)
    return wants.map((want, i) => drafted[i] ?? this.#found.get(want.content) ?? null)
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

export interface BlockServerDeps {
  readonly index: FolderIndex
  readonly tasks: FileTasks
  readonly clock: Pick<Clock, 'monotonic'>
  readonly drafts: { readonly local: Pick<LocalDrafts, 'pathOf'> }
}

const foundMax = 10_000
/** More than a client of ours has asked for and not yet received. */
const lentBytesMax = 12 * 1024 * 1024

interface Reply {
  readonly header: Uint8Array
  readonly bytes: Uint8Array
  readonly isPacked: boolean
}

/** What a server knows of the peer at the other end of a stream. */
export interface ServedPeer {
  /** Of what we send it. */
  readonly throttle: Throttle
  readonly packing: PackDecision
  readonly onSent: (bytes: number) => void
}

type AskedBlocks = ReturnType<typeof decodeBlockRequest>

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
