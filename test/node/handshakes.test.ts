import { generateKeyPair } from '@libp2p/crypto/keys'
import type { MessageStream } from '@libp2p/interface'
import type { NoiseComponents } from '@libp2p/noise'
import { describe, expect, it } from 'vitest'
import { Handshakes } from '../../src/node/handshakes.ts'
import { systemClock } from '../../src/node/system-clock.ts'
import { systemRandom } from '../../src/node/system-random.ts'

const log = Object.assign(() => undefined, { error: () => undefined, trace: () => undefined, enabled: false })

describe('Handshakes', () => {
  it('ends an inbound handshake that waits for our folders when its time is up', async () => {
    const handshakes = new Handshakes({
      offer: () => ({ folders: [], generation: 0 }),
      onRefused: () => undefined,
      ready: () => new Promise(() => undefined),
      clock: systemClock,
      random: systemRandom,
    })
    const privateKey = await generateKeyPair('Ed25519')
    const components = { privateKey, logger: { forComponent: () => log } } as unknown as NoiseComponents
    const encrypter = handshakes.encrypter()(components)
    const time = new AbortController()
    const waiting = encrypter.secureInbound({} as MessageStream, { signal: time.signal })
    time.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'peer-gone' })
    const late = encrypter.secureInbound({} as MessageStream, { signal: time.signal })
    await expect(late).rejects.toMatchObject({ code: 'peer-gone' })
  })
})
