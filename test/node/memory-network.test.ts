import { describe, expect, it } from 'vitest'
import { type DeviceId, parseDeviceId } from '../../src/model/device-id.ts'
import type { FrameStream } from '../../src/ports/transport.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryNetwork } from '../twins/memory-network.ts'
import { RecordingHandler } from './recording-handler.ts'
import { folderKeysOf } from './test-nodes.ts'
import { transportContract } from './transport-contract.ts'

const folder = folderKeysOf(1).folder
const signal = new AbortController().signal
const [a, b] = [deviceOf(1), deviceOf(2)]

function deviceOf(number: number): DeviceId {
  return parseDeviceId(`12D3KooW${String(number).repeat(44)}`)
}

transportContract('MemoryNetwork', () => {
  const network = new MemoryNetwork()
  let devices = 0
  return {
    device: () => {
      const id = deviceOf(++devices)
      const transport = network.transport(id)
      return Promise.resolve({
        id,
        join: (joined, handler) => transport.join(joined, handler),
        stop: () => Promise.resolve(network.disconnect(id)),
      })
    },
    close: () => Promise.resolve(),
  }
})

describe('MemoryNetwork', () => {
  const connect = async (network: MemoryNetwork) => {
    const [handlerA, handlerB] = [new RecordingHandler(), new RecordingHandler()]
    const transportA = await network.transport(a).join(folder, handlerA)
    await network.transport(b).join(folder, handlerB)
    await Promise.all([handlerA.seen(`up ${b}`), handlerB.seen(`up ${a}`)])
    return { transportA, handlerA, handlerB }
  }

  it('parts devices and lets them find each other again', async () => {
    const network = new MemoryNetwork()
    const { transportA, handlerA, handlerB } = await connect(network)
    const stream = await transportA.open(b, 'sync', signal)
    network.partition(b, a)
    await expect(stream.read()).rejects.toMatchObject({ code: 'peer-gone' })
    await expect(transportA.open(b, 'sync', signal)).rejects.toMatchObject({ code: 'peer-gone' })
    network.heal()
    await Promise.all([handlerA.seen(`up ${b}`, 2), handlerB.seen(`up ${a}`, 2)])
    expect(handlerA.events).toEqual([`up ${b}`, `down ${b}`, `up ${b}`])
  })

  it('copies what is sent', async () => {
    const { transportA, handlerB } = await connect(new MemoryNetwork())
    const near = await transportA.open(b, 'sync', signal)
    const bytes = Uint8Array.of(1, 2, 3)
    await near.send(bytes)
    bytes.fill(9)
    expect(await (await handlerB.takeStream()).read()).toEqual(Uint8Array.of(1, 2, 3))
  })

  it('counts frames and bytes', async () => {
    const network = new MemoryNetwork()
    const near = await (await connect(network)).transportA.open(b, 'sync', signal)
    await near.send(new Uint8Array(10))
    await near.send(new Uint8Array(20))
    expect([network.framesSent, network.bytesSent]).toEqual([2, 30])
  })

  it('delivers each frame after its delay and not before', async () => {
    const clock = new ManualClock()
    const { transportA, handlerB } = await connect(new MemoryNetwork({ clock, delayMs: () => 100 }))
    const opening = transportA.open(b, 'sync', signal)
    await clock.advance(100)
    const [near, far] = [await opening, await handlerB.takeStream()]
    await near.send(Uint8Array.of(1))
    await clock.advance(50)
    await near.send(Uint8Array.of(2))
    const received = receive(far)
    await clock.advance(49)
    expect(received).toEqual([])
    await clock.advance(1)
    expect(received).toEqual([1])
    await clock.advance(50)
    expect(received).toEqual([1, 2])
  })
})

/** The first byte of each frame, as they come. */
function receive(stream: FrameStream): number[] {
  const received: number[] = []
  void (async () => {
    for (let frame = await stream.read(); frame !== null; frame = await stream.read()) received.push(frame[0] ?? -1)
  })()
  return received
}
