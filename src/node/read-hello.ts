import { P2psyncError } from '../model/errors.ts'
import type { FrameStream } from '../ports/transport.ts'
import { decodeSyncMessage, syncProtocolVersion, type Hello } from './sync-messages.ts'

/** What a peer begins a session with. @throws {P2psyncError} `bad-message`, or `peer-gone`. */
export async function readHello(stream: FrameStream): Promise<Hello> {
  const frame = await stream.read()
  if (frame === null) throw new P2psyncError('peer-gone', 'the device ended the session')
  const message = decodeSyncMessage(frame)
  if (message.type !== 'hello') throw new P2psyncError('bad-message', 'a session that does not begin with a hello')
  if (message.hello.version !== syncProtocolVersion) {
    throw new P2psyncError('bad-message', `the device speaks version ${message.hello.version} of the sync protocol`, {
      hint: 'Run the same version of p2psync on both devices.',
    })
  }
  return message.hello
}
