import type { DeviceId } from '../../src/model/device-id.ts'
import type { FolderProtocol, FolderTransportHandler, FrameStream } from '../../src/ports/transport.ts'

/** Writes down what a transport tells of one folder; `take...` wait for what is to come, in order. */
export class RecordingHandler implements FolderTransportHandler {
  /** `up ID`, `down ID`, `sync ID`, `blocks ID`, in order. */
  readonly events: string[] = []
  readonly #streams: FrameStream[] = []
  #wake: (() => void)[] = []

  onPeerUp(peer: DeviceId): void {
    this.#add(`up ${peer}`)
  }

  onPeerDown(peer: DeviceId): void {
    this.#add(`down ${peer}`)
  }

  onStream(peer: DeviceId, protocol: FolderProtocol, stream: FrameStream): void {
    this.#streams.push(stream)
    this.#add(`${protocol} ${peer}`)
  }

  count(event: string): number {
    return this.events.filter((other) => other === event).length
  }

  /** Resolves when `event` has come for the `times`-th time. */
  async seen(event: string, times = 1): Promise<void> {
    while (this.count(event) < times) await this.#change()
  }

  /** The next stream that nobody took. */
  async takeStream(): Promise<FrameStream> {
    for (;;) {
      const stream = this.#streams.shift()
      if (stream !== undefined) return stream
      await this.#change()
    }
  }

  #add(event: string): void {
    this.events.push(event)
    for (const wake of this.#wake.splice(0)) wake()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve))
  }
}
