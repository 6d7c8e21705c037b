import { generateKeyPair } from '@libp2p/crypto/keys'
import { identify } from '@libp2p/identify'
import type { PrivateKey } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { deriveFolderKeys, type FolderKeys } from '../../src/node/folder-keys.ts'
import { gatedNoise, type RefusalReason } from '../../src/node/gated-noise.ts'
import { OwnKey } from '../../src/node/own-key.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'

/** Keys of a folder that differ from those of other numbers. */
export function folderKeysOf(number: number): FolderKeys {
  return deriveFolderKeys(new Uint8Array(32).fill(number))
}

/** A real libp2p node on 127.0.0.1, and what became known of others at it. */
export interface TestNode {
  readonly libp2p: Libp2p
  readonly id: string
  /** `connection:open` and the like, in order. */
  readonly events: string[]
  readonly proved: { readonly peer: string; readonly folders: readonly string[] }[]
  readonly refused: { readonly peer: string; readonly reason: RefusalReason }[]
}

export interface TestNodeOptions {
  readonly folders?: readonly FolderKeys[]
  readonly deadlineMs?: number
  /** Instead of the gate. */
  readonly encrypter?: NonNullable<Libp2pOptions['connectionEncrypters']>[number]
  readonly privateKey?: PrivateKey
}

export async function startTestNode(options: TestNodeOptions): Promise<TestNode> {
  const [events, proved, refused]: [string[], TestNode['proved'], TestNode['refused']] = [[], [], []]
  const gate = gatedNoise({
    folders: () => options.folders ?? [],
    ownKey: new OwnKey(systemRandom),
    onProved: (peer, folders) => proved.push({ peer, folders }),
    onRefused: (peer, reason) => refused.push({ peer, reason }),
    clock: systemClock,
    random: systemRandom,
    deadlineMs: options.deadlineMs ?? 10_000,
  })
  const libp2p = await createLibp2p({
    privateKey: options.privateKey ?? (await generateKeyPair('Ed25519')),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [options.encrypter ?? gate],
    streamMuxers: [
      yamux({ streamOptions: { initialStreamWindowSize: 1024 * 1024, maxStreamWindowSize: 4 * 1024 * 1024 } }),
    ],
    services: { identify: identify() },
    connectionManager: { inboundConnectionThreshold: 1000, reconnectRetries: 0 },
  })
  for (const name of ['connection:open', 'peer:connect', 'peer:identify'] as const) {
    libp2p.addEventListener(name, () => events.push(name))
  }
  return { libp2p, id: libp2p.peerId.toString(), events, proved, refused }
}
