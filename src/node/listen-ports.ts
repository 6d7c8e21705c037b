import { createServer } from 'node:net'
import { P2psyncError, systemCode } from '../model/errors.ts'
import type { Logger } from '../ports/logger.ts'
import { hostPort, parseListenAddress } from './addresses.ts'

interface ListenChoice {
  /** Multiaddrs. */
  readonly addresses: readonly string[]
  /** True when the preferred port was taken by another program, so that another port is used. */
  readonly moved: boolean
}

/**
 * The addresses to listen on: those given, or all interfaces at `preferredPort` (0: none), or at a free port when that
 * is busy. A port found free may be taken before it is used.
 *
 * @throws {P2psyncError} `bad-address` for a malformed one or one that this host does not have, `port-busy`.
 */
async function chooseListenAddresses(given: readonly string[], preferredPort: number): Promise<ListenChoice> {
  if (given.length > 0) {
    const addresses = given.map(parseListenAddress)
    for (const address of addresses) await checkFree(address)
    return { addresses, moved: false }
  }
  if (preferredPort !== 0 && (await areFree(preferredPort))) return everywhere(preferredPort, false)
  for (let i = 0; i < triesMax; i++) {
    const { code, port } = await probe('0.0.0.0', 0)
    if (code === '' && (await areFree(port))) return everywhere(port, preferredPort !== 0)
  }
  return everywhere(0, preferredPort !== 0)
}

/**
 * Calls `listen` with the addresses that {@link chooseListenAddresses} gives, and again with others when a port that was
 * free has been taken in between.
 *
 * @throws {P2psyncError} `bad-address`, `port-busy`
 */
export async function listenAnywhere<T>(
  { given, preferredPort, logger }: { given: readonly string[]; preferredPort: number; logger: Logger },
  listen: (addresses: readonly string[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const { addresses, moved } = await chooseListenAddresses(given, tries === 1 ? preferredPort : 0)
    try {
      const listening = await listen(addresses)
      if (moved) logger.warn('the usual port is taken, another one is used', { preferredPort, addresses })
      return listening
    } catch (cause) {
      if (given.length === 0 && tries < listenTriesMax) continue
      const hint = 'give other addresses with --listen'
      throw new P2psyncError('port-busy', `cannot listen on ${addresses.join(', ')}`, { hint, cause })
    }
  }
}

const listenTriesMax = 3
const triesMax = 10

function everywhere(port: number, moved: boolean): ListenChoice {
  return { addresses: [`/ip4/0.0.0.0/tcp/${port}`, `/ip6/::/tcp/${port}`], moved }
}

async function checkFree(address: string): Promise<void> {
  const end = hostPort(address)
  if (end === null) return
  const { code } = await probe(end.host, end.port)
  if (code === '') return
  if (code === 'EADDRINUSE') {
    throw new P2psyncError('port-busy', `another program listens on ${address}`, {
      hint: 'end that program, or give another port with --listen',
    })
  }
  throw new P2psyncError('bad-address', `cannot listen on ${address} (${code})`, {
    hint:
      code === 'EACCES'
        ? 'give a port above 1023'
        : 'give an address of this machine, or /ip4/0.0.0.0/tcp/PORT for all',
  })
}

/** A host without IPv6 has every IPv6 port free. */
async function areFree(port: number): Promise<boolean> {
  const codes = [(await probe('0.0.0.0', port)).code, (await probe('::', port)).code]
  return codes[0] === '' && codes[1] !== 'EADDRINUSE'
}

async function probe(host: string, port: number): Promise<{ code: string; port: number }> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<{ code: string; port: number }>()
  server.once('error', (error) => resolve({ code: systemCode(error) || 'failed', port: 0 }))
  server.listen({ host, port, ipv6Only: host.includes(':'), exclusive: true }, () => {
    const address = server.address()
    server.close(() => resolve({ code: '', port: typeof address === 'object' ? (address?.port ?? 0) : 0 }))
  })
  return promise
}
