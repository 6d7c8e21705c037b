import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FrameAssembly } from '../../src/node/frame-assembly.ts'

function framed(frame: Uint8Array): Uint8Array {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(frame.length)
  return Buffer.concat([header, frame])
}

describe('FrameAssembly', () => {
  it('gives back the frames, wherever the stream was cut', () => {
    const anyFrames = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 })
    fc.assert(
      fc.property(anyFrames, fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(framed))
        const assembly = new FrameAssembly(50)
        const found: Uint8Array[] = []
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const cut = cuts[i % cuts.length]!
          assembly.add(bytes.subarray(at, at + cut), found)
          at += cut
        }
        expect(found).toEqual(frames)
        expect(assembly.pendingBytes).toBe(0)
        for (const frame of found) expect(frame.buffer.byteLength).toBe(frame.length)
      }),
    )
  })

  it('refuses a frame that is too long as soon as its length is there', () => {
    for (const length of [51, 2 ** 31, 2 ** 32 - 1]) {
      const header = Buffer.alloc(4)
      header.writeUInt32BE(length)
      expect(() => new FrameAssembly(50).add(header, [])).toThrow(`a frame of ${length} bytes`)
    }
  })

  it('does not let its caller see later changes of a chunk', () => {
    const chunk = framed(Uint8Array.of(1, 2, 3))
    const found: Uint8Array[] = []
    new FrameAssembly(50).add(chunk, found)
    chunk.fill(9)
    expect(found).toEqual([Uint8Array.of(1, 2, 3)])
  })
})
