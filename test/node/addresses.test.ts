import { describe, expect, it } from 'vitest'
import {
  hostPort,
  isLocalAddress,
  isLoopbackAddress,
  parseListenAddress,
  parsePeerAddress,
  tryParsePeerAddress,
} from '../../src/node/addresses.ts'

const device = `12D3KooW${'2'.repeat(44)}`

describe('addresses', () => {
  it('accepts IP addresses with a TCP port to listen on', () => {
    expect(parseListenAddress(' /ip4/0.0.0.0/tcp/4001 ')).toBe('/ip4/0.0.0.0/tcp/4001')
    expect(parseListenAddress('/ip6/::/tcp/0')).toBe('/ip6/::/tcp/0')
  })

  it.each([
    '',
    'localhost',
    '127.0.0.1:80',
    '/ip4/127.0.0.1',
    '/ip4/127.0.0.1/udp/1',
    '/ip4/300.0.0.1/tcp/1',
    '/ip4/1.2.3.4/tcp/70000',
    '/dns4/a.example/tcp/1',
    `/ip4/127.0.0.1/tcp/1/p2p/${device}`,
    '/ip4/127.0.0.1/tcp/1/ws',
  ])('refuses to listen on %j, with a hint', (text) => {
    expect(() => parseListenAddress(text)).toThrow(
      expect.objectContaining({ code: 'bad-address', hint: expect.stringMatching(/looks like/) as unknown }),
    )
  })

  it('takes a device apart from its address', () => {
    const address = '/ip4/192.168.1.2/tcp/4001'
    expect(parsePeerAddress(address)).toEqual({ address, device: null })
    expect(parsePeerAddress(`${address}/p2p/${device}`)).toEqual({ address, device })
    expect(parsePeerAddress('/dns4/host.example/tcp/1').address).toBe('/dns4/host.example/tcp/1')
  })

  it.each([
    'x',
    '/ip4/1.2.3.4/tcp/0',
    `/p2p/${device}`,
    '/ip4/1.2.3.4/tcp/1/p2p/QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N',
    `/ip4/1.2.3.4/tcp/1/p2p/${device}/p2p-circuit`,
    '/unix/tmp%2Fsocket',
  ])('refuses to dial %j', (text) => {
    expect(() => parsePeerAddress(text)).toThrow(expect.objectContaining({ code: 'bad-address' }))
    expect(tryParsePeerAddress(text)).toBeNull()
  })

  it('refuses an overlong address from another device', () => {
    expect(tryParsePeerAddress(`/dns4/${'a.'.repeat(200)}example/tcp/1`)).toBeNull()
  })

  it('knows host and port', () => {
    expect(hostPort(`/ip6/::1/tcp/42/p2p/${device}`)).toEqual({ kind: 'ip6', host: '::1', port: 42 })
    expect(hostPort('nothing')).toBeNull()
  })

  it.each([
    ['127.0.0.1', true, true],
    ['10.1.2.3', true, false],
    ['172.31.0.1', true, false],
    ['172.32.0.1', false, false],
    ['192.168.7.7', true, false],
    ['169.254.1.1', true, false],
    ['8.8.8.8', false, false],
    ['0.0.0.0', false, false],
  ])('tells that %s is local: %s, loopback: %s', (host, local, loopback) => {
    expect(isLocalAddress(`/ip4/${host}/tcp/1`)).toBe(local)
    expect(isLoopbackAddress(`/ip4/${host}/tcp/1`)).toBe(loopback)
  })

  it('takes IPv6 addresses of one network for local, mapped public ones and names not', () => {
    expect(['::1', 'fe80::1', 'fd00::1'].map((host) => isLocalAddress(`/ip6/${host}/tcp/1`))).toEqual([
      true,
      true,
      true,
    ])
    expect(isLocalAddress('/ip6/2001:db8::1/tcp/1')).toBe(false)
    expect(isLocalAddress('/ip6/::ffff:8.8.8.8/tcp/1')).toBe(false)
    expect(isLocalAddress('/dns4/localhost/tcp/1')).toBe(false)
  })
})
