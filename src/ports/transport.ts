import type { DeviceId } from '../model/device-id.ts'
import type { FolderId } from '../model/folder-id.ts'

/**
 * The network as the engine sees it: devices that have proved a folder's key, and framed streams to them. Nothing is
 * delivered from a device for a folder whose key it has not proved on that connection.
 */
export interface Transport {
  readonly device: DeviceId
  /** Joins a folder: from now on peers with its key are reported to `handler` and can open streams for it. */
  join(folder: FolderId, handler: FolderTransportHandler): Promise<FolderTransport>
}

export interface FolderTransportHandler {
  /** A device with the key is connected. Comes before any of its streams. */
  onPeerUp(peer: DeviceId): void
  onPeerDown(peer: DeviceId): void
  /** A stream that the peer opened; whoever takes it closes it. */
  onStream(peer: DeviceId, protocol: FolderProtocol, stream: FrameStream): void
}

export interface FolderTransport {
  /** @throws {P2psyncError} `peer-gone` when the peer is not connected or does not answer in time. */
  open(peer: DeviceId, protocol: FolderProtocol, signal: AbortSignal): Promise<FrameStream>
  leave(): Promise<void>
}

/** `sync`: records and trees, opened by the device with the smaller id. `blocks`: wants of the side that opened it. */
export type FolderProtocol = 'sync' | 'blocks'

/** An ordered, reliable stream of frames with back-pressure both ways. */
export interface FrameStream {
  /** Bytes that have come so far, those of a frame that is not whole yet among them. */
  readonly receivedBytes: number
  /**
   * Sends one frame made of `parts`, whose bytes must not be changed afterwards. Resolves when the stream takes more;
   * calls may overlap and keep their order.
   *
   * @throws {P2psyncError} `peer-gone` once the stream is closed, `limit` when the frame is too large.
   */
  send(...parts: readonly Uint8Array[]): Promise<void>
  /** The next frame, or null when the peer has ended the stream. Not reading stops the sender. */
  read(): Promise<Uint8Array | null>
  /** Gives back a frame that `read` returned and nobody looks at any more, so that its buffer can be used again. */
  reuse(frame: Uint8Array): void
  /** Ends our side; what was sent still arrives. */
  close(): Promise<void>
  /** Ends both sides at once; pending calls fail with `peer-gone`. */
  abort(reason: string): void
}
