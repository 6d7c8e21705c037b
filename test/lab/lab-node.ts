// One device on a lab host: `node lab-node.ts`, with SEED (a number, makes the device id) in the environment. Prints what
// happens as lines of JSON, and ends with its standard input.
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys'
import { deriveFolderKeys } from '../../src/node/folder-keys.ts'
import { Libp2pTransport } from '../../src/node/libp2p-transport.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import type { LogFields, Logger } from '../../src/ports/logger.ts'

const say = (event: string, fields: LogFields = {}): void => console.log(JSON.stringify({ event, ...fields }))
const logger: Logger = { debug: say, info: say, warn: say, error: say, child: () => logger }

const transport = new Libp2pTransport({
  privateKey: await generateKeyPairFromSeed('Ed25519', new Uint8Array(32).fill(Number(process.env['SEED']))),
  listen: [],
  preferredPort: 0,
  staticPeers: [],
  mdns: true,
  sameHostFolder: null,
  knownAddresses: { load: () => Promise.resolve([]), save: () => Promise.resolve() },
  isPaused: () => false,
  clock: systemClock,
  random: systemRandom,
  logger,
})
const keys = deriveFolderKeys(new Uint8Array(32).fill(1))
transport.addFolderKeys(keys)
await transport.join(keys.folder, {
  onPeerUp: (peer) => say('up', { peer, how: transport.peers().map(({ how }) => how) }),
  onPeerDown: (peer) => say('down', { peer }),
  onStream: (_peer, _protocol, stream) => stream.abort('there is nothing to sync here'),
})
await transport.start()
say('started', { device: transport.device })
process.stdin.on('end', () => void transport.stop().then(() => process.exit(0)))
process.stdin.resume()
