import { describe, expect, it } from 'vitest'
import { dialable, hasMulticastRoute } from '../../src/node/mdns.ts'
import { networkChanged } from '../../src/node/network-change.ts'

const head = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n'
const lan = 'eth0\t00004D0A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n'
const multicast = 'eth0\t000000E0\t00000000\t0001\t0\t0\t0\t000000F0\t0\t0\t0\n'
const standard = 'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n'

describe('hasMulticastRoute', () => {
  it('finds a route for multicast, or a default route', () => {
    expect(hasMulticastRoute(head + lan + multicast)).toBe(true)
    expect(hasMulticastRoute(head + standard + lan)).toBe(true)
  })

  it('sees that there is none, or that it is down', () => {
    expect(hasMulticastRoute(head + lan)).toBe(false)
    expect(hasMulticastRoute(head)).toBe(false)
    expect(hasMulticastRoute('')).toBe(false)
    expect(hasMulticastRoute(head + multicast.replace('\t0001\t', '\t0000\t'))).toBe(false)
  })
})

describe('dialable', () => {
  it('leaves out public addresses and names, and loopback where there is a network', () => {
    const [loopback, home] = ['/ip4/127.0.0.1/tcp/1', '/ip4/192.168.1.2/tcp/1']
    expect(dialable([loopback, home, '/ip4/8.8.8.8/tcp/1', '/dns4/bank.example/tcp/1', 'nonsense'])).toEqual([home])
    expect(dialable([loopback])).toEqual([loopback])
    expect(dialable(['/ip4/8.8.8.8/tcp/1'])).toEqual([])
    expect(dialable(Array.from({ length: 100 }, (_, i) => `/ip4/10.0.0.${i}/tcp/1`))).toHaveLength(8)
  })
})

describe('networkChanged', () => {
  const state = { interfaces: 'eth0 10.0.0.1/24', nowMs: 1_000_000, monotonicMs: 5000 }

  it('sees addresses that come or go, and sleep, but not the passing of time', () => {
    expect(networkChanged(state, { ...state, nowMs: 1_005_000, monotonicMs: 10_000 })).toBe(false)
    expect(networkChanged(state, { ...state, interfaces: '' })).toBe(true)
    expect(networkChanged(state, { ...state, nowMs: 1_100_000, monotonicMs: 10_000 })).toBe(true)
  })
})
