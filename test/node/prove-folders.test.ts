import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import type { FolderId } from '../../src/model/folder-id.ts'
import { deriveFolderKeys, type FolderKeys } from '../../src/node/folder-keys.ts'
import { proveFolders, type ProofKeys, type ProofOptions } from '../../src/node/prove-folders.ts'
import { systemRandom } from '../../src/node/system-random.ts'
import { MemoryDuplex } from '../twins/memory-duplex.ts'
import { SeededRandom } from '../twins/seeded-random.ts'

const keysOf = Array.from({ length: 70 }, (_, i): FolderKeys => deriveFolderKeys(new Uint8Array(32).fill(i + 1)))
const [peerA, peerB, peerM] = [1, 2, 3].map((i) => new Uint8Array(38).fill(i)) as [Uint8Array, Uint8Array, Uint8Array]
const never = new AbortController().signal

type Outcome = readonly FolderId[] | P2psyncError

interface Run {
  readonly a: Outcome
  readonly b: Outcome
}

/** What each side got; a side that is done closes the connection, as the gate does. */
async function run(
  pair: [MemoryDuplex, MemoryDuplex],
  a: Partial<ProofOptions>,
  b: Partial<ProofOptions>,
): Promise<Run> {
  const common = { random: systemRandom, folders: [] }
  const [atA, atB] = await Promise.all([
    prove(pair[0], { ...common, role: 'initiator', localPeer: peerA, remotePeer: peerB, ...a }),
    prove(pair[1], { ...common, role: 'responder', localPeer: peerB, remotePeer: peerA, ...b }),
  ])
  return { a: atA, b: atB }
}

async function prove(duplex: MemoryDuplex, options: ProofOptions): Promise<Outcome> {
  try {
    const folders = await proveFolders(duplex, options, never)
    if (folders.length === 0) duplex.end()
    return folders
  } catch (error) {
    duplex.end()
    if (error instanceof P2psyncError) return error
    throw error
  }
}

function idsOf(folders: readonly ProofKeys[]): readonly FolderId[] {
  return folders.map((keys) => keys.folder)
}

function lengths(duplex: MemoryDuplex): readonly number[] {
  return duplex.sent.map((bytes) => bytes.length)
}

const macBytes = 32

/** Each tag and each proof, as hex digits. */
function proofsIn([dialler, listener]: readonly [MemoryDuplex, MemoryDuplex]): string[] {
  const [hello, ...proofs] = dialler.sent
  const [answer, ...roles] = listener.sent
  const parts = (bytes: Uint8Array, from: number, length: number): string[] => {
    const count = (bytes.length - from) / length
    return Array.from({ length: count }, (_, i) =>
      Buffer.from(bytes.subarray(from + i * length, from + (i + 1) * length)).toString('hex'),
    )
  }
  const macs = [...proofs, ...roles].flatMap((bytes) => parts(bytes, 2, macBytes))
  return [...parts(hello!, 2 + 33, 16), ...parts(answer!, 2 + 33, macBytes), ...macs]
}

const anyFolders = fc.uniqueArray(fc.nat(69), { maxLength: 64 }).map((numbers) => numbers.map((i) => keysOf[i]!))

describe('proveFolders', () => {
  it('finds on both sides exactly the folders that both have', async () => {
    await fc.assert(
      fc.asyncProperty(anyFolders, anyFolders, async (a, b) => {
        const result = await run(MemoryDuplex.pair(), { folders: a }, { folders: b })
        expect(result).toEqual({
          a: idsOf(a.filter((keys) => b.includes(keys))),
          b: idsOf(b.filter((keys) => a.includes(keys))),
        })
      }),
      { numRuns: 60 },
    )
  })

  it('sends messages whose lengths tell only how many eights of folders the dialler has', async () => {
    await fc.assert(
      fc.asyncProperty(anyFolders, anyFolders, async (a, b) => {
        const pair = MemoryDuplex.pair()
        await run(pair, { folders: a }, { folders: b })
        const slots = Math.max(1, Math.ceil(a.length / 8)) * 8
        expect(lengths(pair[0])).toEqual([2 + 33 + 16 * slots, 2 + 32 * slots, 2 + 32 * slots])
        expect(lengths(pair[1])).toEqual([2 + 33 + 32 * slots, 2 + 32 * slots])
      }),
      { numRuns: 40 },
    )
  })

  it('never claims a folder that is not common, whatever bit of any message is flipped on its way', async () => {
    const [a, b] = [keysOf.slice(0, 3), keysOf.slice(1, 4)]
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.nat(2), fc.nat(4095), async (byDialler, message, bit) => {
        const pair = MemoryDuplex.pair()
        pair[byDialler ? 0 : 1].tamper = (bytes, index) => {
          // Not in the 2 bytes of the length: another valid length only lets a side wait for its deadline.
          if (index === message) bytes[2 + ((bit >> 3) % (bytes.length - 2))]! ^= 1 << (bit & 7)
          return bytes
        }
        const result = await run(pair, { folders: a }, { folders: b })
        for (const outcome of [result.a, result.b]) {
          if (outcome instanceof P2psyncError) expect(['bad-message', 'peer-gone']).toContain(outcome.code)
          else for (const folder of outcome) expect(idsOf(a.slice(1))).toContain(folder)
        }
      }),
      { numRuns: 300 },
    )
  })

  it('fails through a relay that forwards every message', async () => {
    const folders = keysOf.slice(0, 2)
    const result = await run(MemoryDuplex.pair(), { folders, remotePeer: peerM }, { folders, remotePeer: peerM })
    expect(result).toEqual({ a: [], b: [] })
  })

  it('fails when a recorded dialler is played again', async () => {
    const folders = keysOf.slice(0, 2)
    const pair = MemoryDuplex.pair()
    expect((await run(pair, { folders }, { folders })).b).toHaveLength(2)
    const [replay, listener] = MemoryDuplex.pair()
    for (const bytes of pair[0].sent) replay.write(bytes)
    const options = { role: 'responder', localPeer: peerB, remotePeer: peerA, folders, random: systemRandom } as const
    expect(await prove(listener, options)).toEqual([])
  })

  it('fails when a recorded listener is played again', async () => {
    const folders = keysOf.slice(0, 2)
    const pair = MemoryDuplex.pair()
    expect((await run(pair, { folders }, { folders })).a).toHaveLength(2)
    const [replay, dialler] = MemoryDuplex.pair()
    for (const bytes of pair[1].sent) replay.write(bytes)
    const options = { role: 'initiator', localPeer: peerA, remotePeer: peerB, folders, random: systemRandom } as const
    expect(await prove(dialler, options)).toEqual([])
  })

  it('fails when a device is given its own proofs, as listener to itself through another', async () => {
    const folders = keysOf.slice(0, 2)
    const result = await run(
      MemoryDuplex.pair(),
      { folders, localPeer: peerA, remotePeer: peerM },
      { folders, localPeer: peerA, remotePeer: peerM },
    )
    expect(result).toEqual({ a: [], b: [] })
  })

  it('fails when what the dialler sent comes back to it', async () => {
    const [reflector, dialler] = MemoryDuplex.pair()
    dialler.tamper = (bytes, index) => {
      // Message 2 has the length of a listener's: the reflected nonce, then the dialler's tags and zeros.
      reflector.write(index === 0 ? Buffer.concat([Buffer.from([1, 33]), bytes.subarray(2), Buffer.alloc(128)]) : bytes)
      return bytes
    }
    const folders = keysOf.slice(0, 2)
    const options = { role: 'initiator', localPeer: peerA, remotePeer: peerM, folders, random: systemRandom } as const
    expect(await prove(dialler, options)).toEqual([])
  })

  it('refuses to prove anything to its own peer id', async () => {
    const folders = keysOf.slice(0, 1)
    const [duplex] = MemoryDuplex.pair()
    const options = {
      role: 'initiator',
      localPeer: peerA,
      remotePeer: peerA.slice(),
      folders,
      random: systemRandom,
    } as const
    expect(await prove(duplex, options)).toMatchObject({ code: 'wrong-key' })
    expect(duplex.sent).toEqual([])
  })

  it('leaves out a folder whose member may not write', async () => {
    const impostor = { ...keysOf[0]!, writeAuthKey: keysOf[0]!.readAuthKey }
    const [a, b] = [
      [keysOf[0]!, keysOf[1]!],
      [impostor, keysOf[1]!],
    ]
    expect(await run(MemoryDuplex.pair(), { folders: a }, { folders: b })).toEqual({
      a: [keysOf[1]!.folder],
      b: [keysOf[1]!.folder],
    })
    expect(await run(MemoryDuplex.pair(), { folders: b }, { folders: a })).toEqual({
      a: [keysOf[1]!.folder],
      b: [keysOf[1]!.folder],
    })
  })

  it.each([
    ['the listener', 1, 0, { a: 0, b: 0 }],
    ['the dialler', 0, 1, { a: 0, b: 0 }],
    ['the dialler, that it may write,', 0, 2, { a: 0, b: 0 }],
    ['the listener, that it may write,', 1, 1, { a: 0, b: 2 }],
  ] as const)('leaves out each folder of which a proof of %s is wrong', async (_, side, message, counts) => {
    const folders = keysOf.slice(0, 2)
    const pair = MemoryDuplex.pair()
    pair[side].tamper = (bytes, index) => {
      // What comes before the proofs is left as it is.
      const start = side === 1 && index === 0 ? 2 + 33 : 2
      if (index === message) for (let at = start; at < bytes.length; at += macBytes) bytes[at]! ^= 1
      return bytes
    }
    const result = await run(pair, { folders }, { folders })
    expect([result.a, result.b]).toMatchObject([{ length: counts.a }, { length: counts.b }])
  })

  it('never says the same twice: not from the other side, with other nonces, nor to another device', async () => {
    const folders = keysOf.slice(0, 3)
    const runs = [
      [1, peerA, peerB],
      [2, peerA, peerB],
      [1, peerA, peerM],
      [1, peerM, peerB],
    ] as const
    const said: string[] = []
    for (const [seed, a, b] of runs) {
      const pair = MemoryDuplex.pair()
      const random = new SeededRandom(seed)
      const result = await run(
        pair,
        { folders, random, localPeer: a, remotePeer: b },
        { folders, random: new SeededRandom(seed + 10), localPeer: b, remotePeer: a },
      )
      expect(result).toEqual({ a: idsOf(folders), b: idsOf(folders) })
      said.push(...proofsIn(pair))
    }
    expect(said).toHaveLength(runs.length * (8 + 4 * 8))
    expect(new Set(said).size).toBe(said.length)
  })

  it('refuses a message of another length before it reads it', async () => {
    for (const head of [
      [0, 0],
      [0, 33],
      [0, 160],
      [4, 34],
      [255, 255],
    ]) {
      const [stranger, listener] = MemoryDuplex.pair()
      stranger.write(Uint8Array.from(head))
      stranger.end()
      const options = {
        role: 'responder',
        localPeer: peerB,
        remotePeer: peerA,
        folders: [],
        random: systemRandom,
      } as const
      expect(await prove(listener, options)).toMatchObject({ code: 'bad-message' })
      expect(listener.sent).toEqual([])
    }
  })

  it('ends with the reason of its signal', async () => {
    const [, listener] = MemoryDuplex.pair()
    const deadline = new AbortController()
    const options = {
      role: 'responder',
      localPeer: peerB,
      remotePeer: peerA,
      folders: [],
      random: systemRandom,
    } as const
    const proof = proveFolders(listener, options, deadline.signal)
    deadline.abort(new Error('time is up'))
    await expect(proof).rejects.toThrow('time is up')
  })
})
