import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { generateKeyPair } from '@libp2p/crypto/keys'
import type { Libp2p } from '@libp2p/interface'
import { noise } from '@libp2p/noise'
import { multiaddr } from '@multiformats/multiaddr'
import { mallocSettings, networkFlags } from '../cli/network-settings.js'
import { fastNoiseCrypto } from '../src/node/fast-noise-crypto.ts'
import { Libp2pFrameStream } from '../src/node/frame-stream.ts'
import { createNode } from '../src/node/libp2p-node.ts'

/**
 * What the settings of the networking side gain: how fast one frame stream carries bytes between two processes over
 * loopback, through Noise and the multiplexer, from the first frame to the last, as each setting is added to those before
 * it. Medians; the settings take turns, so that a machine that others use as well treats them alike.
 *
 *     npm run bench:transport -- [--runs 5] [--mebibytes 512]
 *
 * The settings: cli/network-settings.js and src/node/fast-noise-crypto.ts. The reasons: docs/decisions/0005.
 */
interface Setting {
  readonly name: string
  readonly crypto: 'library' | 'fast'
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

const settings: readonly Setting[] = [
  { name: 'Node and libp2p as they come', crypto: 'library', flags: [], environment: {} },
  { name: '+ one key object a session', crypto: 'fast', flags: [], environment: {} },
  { name: '+ a young generation of 1 MiB', crypto: 'fast', flags: networkFlags.slice(0, 1), environment: {} },
  { name: '+ the rest: as `p2psync start`', crypto: 'fast', flags: networkFlags, environment: mallocSettings },
]

const mebibyte = 2 ** 20
const frameBytes = mebibyte
const protocol = '/p2psync/bench'
const { values, positionals } = parseArgs({
  options: { runs: { type: 'string', default: '5' }, mebibytes: { type: 'string', default: '512' } },
  allowPositionals: true,
})
const totalBytes = Number(values.mebibytes) * mebibyte
const [role, crypto, address] = positionals

if (role === 'reader') await readAll()
else if (role === 'sender') await sendAll(address ?? '')
else await measure(Number(values.runs))

async function measure(runs: number): Promise<void> {
  const figures = settings.map((): number[] => [])
  for (let i = 0; i < runs; i++) {
    for (const [j, setting] of settings.entries()) figures[j]?.push(await oneRun(setting))
  }
  for (const [j, { name }] of settings.entries()) {
    const sorted = (figures[j] ?? []).sort((a, b) => a - b)
    const [least, median, most] = [0, Math.floor(runs / 2), runs - 1].map((k) => (sorted[k] ?? 0).toFixed(0))
    console.log(`${name.padEnd(32)} ${median?.padStart(4)} MiB/s (${least}-${most})`)
  }
}

async function oneRun({ crypto: which, flags, environment }: Setting): Promise<number> {
  const start = (...args: string[]): ChildProcess =>
    fork(fileURLToPath(import.meta.url), ['--mebibytes', values.mebibytes, ...args], {
      execArgv: [...flags],
      env: { ...process.env, ...environment },
    })
  const reader = start('reader', which)
  const [listening] = (await once(reader, 'message')) as [string]
  const sender = start('sender', which, listening)
  const [[milliseconds]] = (await Promise.all([once(reader, 'message'), once(sender, 'exit')])) as [[number], unknown]
  reader.disconnect()
  await once(reader, 'exit')
  return totalBytes / mebibyte / (milliseconds / 1000)
}

/** As a device's own, but for the gate, which has nothing to say once it has let somebody in. */
async function startNode(): Promise<Libp2p> {
  const node = await createNode({
    privateKey: await generateKeyPair('Ed25519'),
    listen: ['/ip4/127.0.0.1/tcp/0'],
    encrypter: crypto === 'library' ? noise() : noise({ crypto: fastNoiseCrypto }),
    mdns: null,
  })
  await node.start()
  return node
}

async function readAll(): Promise<void> {
  const node = await startNode()
  await node.handle(protocol, async (raw) => {
    const stream = new Libp2pFrameStream(raw, { frameBytesMax: 5 * mebibyte })
    let frame = await stream.read()
    const begunMs = performance.now()
    for (; frame !== null; frame = await stream.read()) stream.reuse(frame)
    process.send?.(performance.now() - begunMs)
    await stream.close()
  })
  process.once('disconnect', () => void node.stop())
  process.send?.(node.getMultiaddrs()[0]!.toString())
}

async function sendAll(to: string): Promise<void> {
  const node = await startNode()
  const stream = new Libp2pFrameStream(await node.dialProtocol(multiaddr(to), protocol), {
    frameBytesMax: 5 * mebibyte,
  })
  const frame = new Uint8Array(frameBytes).fill(7)
  for (let sent = 0; sent < totalBytes; sent += frameBytes) await stream.send(frame)
  await stream.close()
  await stream.read()
  await node.stop()
  process.disconnect()
}
