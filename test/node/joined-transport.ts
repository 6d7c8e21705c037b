import { createServer, type AddressInfo } from 'node:net'
import { vi } from 'vitest'
import type { Libp2pTransport } from '../../src/node/libp2p-transport.ts'
import type { FolderTransport } from '../../src/ports/transport.ts'
import { RecordingHandler } from './recording-handler.ts'
import { folderKeysOf } from './test-nodes.ts'

/** Joins a folder, by default that of number 1, of which the transport has not heard before. */
export async function joined(
  transport: Libp2pTransport,
  keys = folderKeysOf(1),
): Promise<{ handler: RecordingHandler; folder: FolderTransport }> {
  const handler = new RecordingHandler()
  transport.addFolderKeys(keys)
  return { handler, folder: await transport.join(keys.folder, handler) }
}

/** Waits until `check` no longer throws. */
export async function settled(check: () => void): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 20 })
}

/** A port of 127.0.0.1 at which nobody listens. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
