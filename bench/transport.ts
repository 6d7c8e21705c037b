import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { multiaddr } from '@multiformats/multiaddr'
import { Libp2pFrameStream } from '../src/node/frame-stream.ts'
import { folderKeysOf, startTestNode } from '../test/node/test-nodes.ts'

/**
 * How fast one frame stream carries bytes between two processes over loopback, through the gate, Noise and the
 * multiplexer: medians of 5 runs of 1 GiB, from the first frame to the last. `node bench/transport.ts`
 */
const mebibyte = 2 ** 20
const totalBytes = 1024 * mebibyte
const runs = 5
const protocol = '/p2psync/bench'
const [role, address, frameText] = process.argv.slice(2)

if (role === 'reader') await readAll()
else if (role === 'sender') await sendAll(address ?? '', Number(frameText))
else await measure()

async function measure(): Promise<void> {
  for (const flags of [[], ['--max-semi-space-size=2']]) {
    for (const frameKibibytes of [256, 1024]) {
      const figures: number[] = []
      for (let i = 0; i < runs; i++) figures.push(await oneRun(flags, frameKibibytes * 1024))
      const median = figures.sort((a, b) => a - b)[Math.floor(runs / 2)]!
      const range = `${figures[0]?.toFixed(0)}-${figures.at(-1)?.toFixed(0)}`
      console.log(
        `${flags[0] ?? 'default heap'}, frames of ${frameKibibytes} KiB: ${median.toFixed(0)} MiB/s (${range})`,
      )
    }
  }
}

async function oneRun(execArgv: string[], frameBytes: number): Promise<number> {
  const reader = start(execArgv, ['reader'])
  const [listening] = (await once(reader, 'message')) as [string]
  const sender = start(execArgv, ['sender', listening, String(frameBytes)])
  const [[milliseconds]] = (await Promise.all([once(reader, 'message'), once(sender, 'exit')])) as [[number], unknown]
  reader.disconnect()
  await once(reader, 'exit')
  return totalBytes / mebibyte / (milliseconds / 1000)
}

function start(execArgv: string[], args: string[]): ChildProcess {
  return fork(fileURLToPath(import.meta.url), args, { execArgv })
}

async function readAll(): Promise<void> {
  const node = await startTestNode({ folders: [folderKeysOf(1)] })
  await node.libp2p.handle(protocol, async (raw) => {
    const stream = new Libp2pFrameStream(raw, { frameBytesMax: 5 * mebibyte })
    let frame = await stream.read()
    const begunMs = performance.now()
    for (; frame !== null; frame = await stream.read());
    process.send?.(performance.now() - begunMs)
    await stream.close()
  })
  process.once('disconnect', () => void node.libp2p.stop())
  process.send?.(node.libp2p.getMultiaddrs()[0]!.toString())
}

async function sendAll(to: string, frameBytes: number): Promise<void> {
  const node = await startTestNode({ folders: [folderKeysOf(1)] })
  const raw = await node.libp2p.dialProtocol(multiaddr(to), protocol)
  const stream = new Libp2pFrameStream(raw, { frameBytesMax: 5 * mebibyte })
  const frame = new Uint8Array(frameBytes).fill(7)
  for (let sent = 0; sent < totalBytes; sent += frameBytes) await stream.send(frame)
  await stream.close()
  await stream.read()
  await node.libp2p.stop()
  process.disconnect()
}
