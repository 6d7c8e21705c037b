import type { Connection, Stream } from '@libp2p/interface'
import { P2psyncError } from '../model/errors.ts'
import { parseFolderId, type FolderId } from '../model/folder-id.ts'
import { blockFrameBytesMax, controlFrameBytesMax, foldersMax } from '../model/limits.ts'
import type { Clock } from '../ports/clock.ts'
import type { FolderProtocol, FrameStream } from '../ports/transport.ts'
import { withDeadline } from './deadline.ts'
import { Libp2pFrameStream } from './frame-stream.ts'
import type { PeerLink } from './peer-links.ts'

/** The libp2p protocol of each of ours. The first frame of a stream is the 32 bytes of the folder's id. */
export const protocolIds: Readonly<Record<FolderProtocol, string>> = {
  sync: '/p2psync/sync/1.0.0',
  blocks: '/p2psync/blocks/1.0.0',
}

/** Streams of one protocol on one connection, each way: folders in common share a connection. */
export const streamsPerProtocolMax = foldersMax

export type Link = PeerLink<Connection>

/**
 * Opens a stream for a folder on a connection that has proved it.
 *
 * @throws {P2psyncError} `peer-gone`
 */
export async function openFolderStream(
  link: Link,
  target: { folder: FolderId; protocol: FolderProtocol },
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): Promise<FrameStream> {
  const { folder, protocol } = target
  let opened: FrameStream | null = null
  try {
    return await withDeadline({ clock, timeoutMs: answerMsMax, signal }, async (deadline) => {
      const stream = await link.connection.newStream(protocolIds[protocol], {
        signal: deadline,
        maxOutboundStreams: streamsPerProtocolMax,
      })
      const frames = frameStream(link, stream, protocol)
      opened = frames
      await frames.send(Buffer.from(folder, 'hex'))
      return frames
    })
  } catch (cause) {
    ;(opened as FrameStream | null)?.abort('it could not be opened')
    throw new P2psyncError('peer-gone', `the device took no stream for ${protocol}`, { cause })
  }
}

/**
 * Takes a stream that the other side opened and learns which folder it is for. Must be called with the stream as soon as
 * it is there.
 *
 * @throws {P2psyncError} `bad-message` when it names no folder that was proved on this connection, `peer-gone`; the
 * stream is reset by then.
 */
export async function acceptFolderStream(
  link: Link,
  stream: Stream,
  { protocol, clock }: { protocol: FolderProtocol; clock: Clock },
): Promise<{ folder: FolderId; frames: FrameStream }> {
  const frames = frameStream(link, stream, protocol)
  try {
    const first = await withDeadline({ clock, timeoutMs: answerMsMax, signal: never }, async (deadline) => {
      deadline.addEventListener('abort', () => frames.abort('it named no folder in time'))
      return frames.read()
    })
    const folder = parseFolderId(Buffer.from(first ?? []).toString('hex'))
    if (!link.folders.has(folder)) throw new P2psyncError('bad-message', 'a stream for a folder that was not proved')
    return { folder, frames }
  } catch (error) {
    frames.abort('it was refused')
    throw error
  }
}

const answerMsMax = 10_000
const never = new AbortController().signal

function frameStream(link: Link, stream: Stream, protocol: FolderProtocol): FrameStream {
  link.streams++
  if (stream.status === 'open') stream.addEventListener('close', () => link.streams--, { once: true })
  else link.streams--
  return new Libp2pFrameStream(stream, {
    frameBytesMax: protocol === 'sync' ? controlFrameBytesMax : blockFrameBytesMax,
  })
}
