import type { ConnectionEncrypter, Libp2p, PrivateKey } from '@libp2p/interface'
import { identify } from '@libp2p/identify'
import type { NoiseComponents } from '@libp2p/noise'
import { tcp } from '@libp2p/tcp'
import { yamux } from '@libp2p/yamux'
import { createLibp2p } from 'libp2p'
import { connectionsMax } from '../model/limits.ts'
import { mdnsService, type MdnsOptions } from './mdns.ts'

export interface Libp2pNodeOptions {
  readonly privateKey: PrivateKey
  /** Multiaddrs. */
  readonly listen: readonly string[]
  readonly encrypter: (components: NoiseComponents) => ConnectionEncrypter
  readonly mdns: MdnsOptions | null
}

/** A libp2p node that is not started: TCP, the gate, yamux, and identify for whoever passed the gate. */
export async function createNode(options: Libp2pNodeOptions): Promise<Libp2p> {
  const mebibyte = 1024 * 1024
  return createLibp2p({
    start: false,
    privateKey: options.privateKey,
    nodeInfo: { name: 'p2psync', version: '1', userAgent: 'p2psync' },
    addresses: { listen: [...options.listen] },
    transports: [tcp()],
    connectionEncrypters: [options.encrypter],
    streamMuxers: [
      yamux({
        // The monitor below pings.
        enableKeepAlive: false,
        maxInboundStreams: streamsMax,
        maxOutboundStreams: streamsMax,
        // All of it from the start: yamux grows a window only when its own pings have told it the round trip. It carries
        // 160 MiB/s over 50 ms; how much is on its way at all, our own requests decide. A window above the read buffer would
        // reset a stream that is paused.
        streamOptions: {
          initialStreamWindowSize: 8 * mebibyte,
          maxStreamWindowSize: 8 * mebibyte,
          maxReadBufferLength: 16 * mebibyte,
        },
      }),
    ],
    connectionManager: {
      maxConnections: connectionsMax,
      maxIncomingPendingConnections: 8,
      inboundConnectionThreshold: 50,
      maxParallelDials: 8,
      maxDialQueueLength: 128,
      // The order of the caller counts.
      addressSorter: () => 0,
      addressDialTimeout: 3000,
      dialTimeout: 10_000,
    },
    // A dead peer is found in at most 10 s.
    connectionMonitor: { pingInterval: 5000, pingTimeout: { minTimeout: 5000, maxTimeout: 15_000 } },
    services: {
      identify: identify(),
      ...(options.mdns === null ? {} : { mdns: mdnsService(options.mdns) }),
    },
  })
}

/** Of all protocols, each way, on one connection. */
const streamsMax = 256
