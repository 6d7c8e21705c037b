import { describe, expect, it } from 'vitest'
import { OwnKey, OwnKeyElsewhere } from '../../src/node/own-key.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import { MemoryDuplex } from '../twins/memory-duplex.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

const { signal } = new AbortController()

async function meeting(dialler: OwnKey, dialled: OwnKey): Promise<readonly unknown[]> {
  const [a, b] = MemoryDuplex.pair()
  const both = [dialler.meet(a, 'initiator', signal), dialled.meet(b, 'responder', signal)]
  return Promise.all(both.map((end) => end.catch((error: unknown) => error)))
}

describe('whoever has proved our own key', () => {
  it('is this process when that has dialled itself, however often at once', async () => {
    const self = new OwnKey(systemRandom)
    const results = await Promise.all([meeting(self, self), meeting(self, self)])
    expect(results.flat()).toEqual(Array(4).fill(expect.objectContaining({ code: 'wrong-key' })))
  })

  it('is another process when it is, on both sides, though both remember the same', async () => {
    const [a, b] = [new OwnKey(new SeededRandom(1)), new OwnKey(new SeededRandom(1))]
    expect(await meeting(a, b)).toEqual([expect.any(OwnKeyElsewhere), expect.any(OwnKeyElsewhere)])
    const self = new OwnKey(systemRandom)
    expect(await Promise.all([meeting(self, self), meeting(self, b), meeting(a, self)])).toEqual([
      Array(2).fill(expect.objectContaining({ code: 'wrong-key' })),
      Array(2).fill(expect.any(OwnKeyElsewhere)),
      Array(2).fill(expect.any(OwnKeyElsewhere)),
    ])
  })

  it('is nobody that is known when it answers nonsense or goes', async () => {
    const [a, b] = MemoryDuplex.pair()
    b.write(Uint8Array.of(2))
    await expect(new OwnKey(systemRandom).meet(a, 'initiator', signal)).rejects.toMatchObject({ code: 'bad-message' })
    const [c, d] = MemoryDuplex.pair()
    d.end()
    await expect(new OwnKey(systemRandom).meet(c, 'responder', signal)).rejects.toMatchObject({ code: 'peer-gone' })
  })
})
