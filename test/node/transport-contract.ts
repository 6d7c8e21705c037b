import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { DeviceId } from '../../src/model/device-id.ts'
import type { FolderId } from '../../src/model/folder-id.ts'
import { controlFrameBytesMax } from '../../src/model/limits.ts'
import type { FolderTransport, FolderTransportHandler, FrameStream } from '../../src/ports/transport.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { folderKeysOf } from './test-nodes.ts'
import { RecordingHandler } from './recording-handler.ts'

/** A network whose devices find each other by themselves. */
export interface TransportHarness {
  /** Starts a device. */
  device(): Promise<ContractDevice>
  close(): Promise<void>
}

export interface ContractDevice {
  readonly id: DeviceId
  /** Joins a folder, with its keys. */
  join(folder: FolderId, handler: FolderTransportHandler): Promise<FolderTransport>
  /** Ends the device. */
  stop(): Promise<void>
}

interface Member {
  readonly device: ContractDevice
  readonly handler: RecordingHandler
  readonly transport: FolderTransport
}

/** What the engine may rely on, whatever the network is. */
export function transportContract(name: string, makeHarness: () => TransportHarness): void {
  describe(`${name} as a transport`, () => {
    const [folder1, folder2] = [folderKeysOf(1).folder, folderKeysOf(2).folder]
    const signal = new AbortController().signal
    let harness: TransportHarness
    beforeEach(() => {
      harness = makeHarness()
    })
    afterEach(() => harness.close())

    const join = async (device: ContractDevice, folder: FolderId): Promise<Member> => {
      const handler = new RecordingHandler()
      return { device, handler, transport: await device.join(folder, handler) }
    }
    const pair = async (): Promise<[Member, Member]> => {
      const members: [Member, Member] = [
        await join(await harness.device(), folder1),
        await join(await harness.device(), folder1),
      ]
      await bothUp(...members)
      return members
    }
    const bothUp = async (a: Member, b: Member, times = 1): Promise<void> => {
      await Promise.all([a.handler.seen(`up ${b.device.id}`, times), b.handler.seen(`up ${a.device.id}`, times)])
    }
    const streams = async ([a, b]: [Member, Member]): Promise<[FrameStream, FrameStream]> => [
      await a.transport.open(b.device.id, 'blocks', signal),
      await b.handler.takeStream(),
    ]

    it('reports devices with the same folder to each other, once', async () => {
      const [a, b] = await pair()
      expect(a.handler.events).toEqual([`up ${b.device.id}`])
      expect(b.handler.events).toEqual([`up ${a.device.id}`])
    })

    it('carries frames in order both ways, and ends each way on its own', async () => {
      const [near, far] = await streams(await pair())
      for (const text of ['one', '', 'three']) await near.send(Buffer.from(text))
      await near.send(Buffer.from('fo'), Buffer.from('ur'))
      await near.close()
      expect(await readTexts(far)).toEqual(['one', '', 'three', 'four'])
      await far.send(Buffer.from('answer'))
      await far.close()
      expect(await readTexts(near)).toEqual(['answer'])
    })

    it('names protocol and device of a stream, and lets either side open one', async () => {
      const [a, b] = await pair()
      await a.transport.open(b.device.id, 'sync', signal)
      await b.handler.takeStream()
      await b.transport.open(a.device.id, 'blocks', signal)
      await a.handler.takeStream()
      expect(b.handler.events).toEqual([`up ${a.device.id}`, `sync ${a.device.id}`])
      expect(a.handler.events).toEqual([`up ${b.device.id}`, `blocks ${b.device.id}`])
    })

    it('makes a sender wait for a reader who does not read', async () => {
      const [near, far] = await streams(await pair())
      const frame = new Uint8Array(1024 * 1024).fill(7)
      let sent = 0
      const sending = (async () => {
        for (; sent < 48; sent++) await near.send(frame)
        await near.close()
      })()
      await systemClock.sleep(500)
      expect(sent).toBeLessThan(16)
      let received = 0
      for (let read = await far.read(); read !== null; read = await far.read()) received += read.length
      await sending
      expect(received).toBe(48 * frame.length)
    })

    it('refuses a frame above the limit of its protocol', async () => {
      const [a, b] = await pair()
      const stream = await a.transport.open(b.device.id, 'sync', signal)
      await expect(stream.send(new Uint8Array(controlFrameBytesMax + 1))).rejects.toMatchObject({ code: 'limit' })
    })

    it('fails calls on both sides when a stream is aborted', async () => {
      const [near, far] = await streams(await pair())
      const reading = far.read()
      near.abort('enough')
      await expect(reading).rejects.toMatchObject({ code: 'peer-gone' })
      await expect(near.read()).rejects.toMatchObject({ code: 'peer-gone' })
      await expect(near.send(new Uint8Array(1))).rejects.toMatchObject({ code: 'peer-gone' })
    })

    it('keeps folders apart', async () => {
      const [a, b, c] = [await harness.device(), await harness.device(), await harness.device()]
      const [a1, b1] = [await join(a, folder1), await join(b, folder1)]
      const [b2, c2] = [await join(b, folder2), await join(c, folder2)]
      await Promise.all([bothUp(b2, c2), bothUp(a1, b1)])
      await b2.transport.open(c.id, 'sync', signal)
      await c2.handler.takeStream()
      expect(a1.handler.events.filter((event) => event.endsWith(c.id))).toEqual([])
      expect(b1.handler.events.filter((event) => event.endsWith(c.id))).toEqual([])
      await expect(a1.transport.open(c.id, 'sync', signal)).rejects.toMatchObject({ code: 'peer-gone' })
    })

    it('reports devices for a folder that both join later, too', async () => {
      const [a, b] = await pair()
      const [a2, b2] = [await join(a.device, folder2), await join(b.device, folder2)]
      await bothUp(a2, b2)
      const opened = await a2.transport.open(b.device.id, 'sync', signal)
      await opened.send(Buffer.from('for the second folder'))
      expect(Buffer.from((await (await b2.handler.takeStream()).read()) ?? []).toString()).toBe('for the second folder')
      expect(b.handler.events.filter((event) => event.startsWith('sync'))).toEqual([])
    })

    it('takes leave of a folder: the others see the device go, and it hears no more', async () => {
      const [a, b] = await pair()
      await a.transport.leave()
      const heard = a.handler.events.length
      await b.handler.seen(`down ${a.device.id}`)
      await expect(b.transport.open(a.device.id, 'sync', signal)).rejects.toMatchObject({ code: 'peer-gone' })
      expect(a.handler.events.slice(heard)).toEqual([])
    })

    it('reports a device that ends, and fails its streams', async () => {
      const [a, b] = await pair()
      const [, far] = await streams([a, b])
      const reading = far.read()
      await Promise.all([expect(reading).rejects.toMatchObject({ code: 'peer-gone' }), a.device.stop()])
      await b.handler.seen(`down ${a.device.id}`)
      expect(b.handler.count(`up ${a.device.id}`)).toBe(1)
    })
  })
}

async function readTexts(stream: FrameStream): Promise<string[]> {
  const texts: string[] = []
  for (let frame = await stream.read(); frame !== null; frame = await stream.read()) {
    texts.push(Buffer.from(frame).toString())
  }
  return texts
}
