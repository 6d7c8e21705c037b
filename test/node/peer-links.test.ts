import { describe, expect, it } from 'vitest'
import { parseDeviceId } from '../../src/model/device-id.ts'
import { PeerLinks, type PeerLink } from '../../src/node/peer-links.ts'
import { folderKeysOf } from './test-nodes.ts'

const [small, large] = ['2', '3'].map((digit) => parseDeviceId(`12D3KooW${digit.repeat(44)}`)) as [
  ReturnType<typeof parseDeviceId>,
  ReturnType<typeof parseDeviceId>,
]
const [folder1, folder2] = [folderKeysOf(1).folder, folderKeysOf(2).folder]

function link(connection: string, options: Partial<PeerLink<string>> = {}): PeerLink<string> {
  return { connection, device: large, folders: new Set([folder1]), inbound: false, openedMs: 0, streams: 0, ...options }
}

describe('PeerLinks', () => {
  it('reports a device once for each folder, whatever the number of its connections', () => {
    const links = new PeerLinks<string>(small)
    expect(links.add(link('a'))).toEqual([{ device: large, folder: folder1 }])
    expect(links.add(link('b', { folders: new Set([folder1, folder2]) }))).toEqual([{ device: large, folder: folder2 }])
    expect(links.remove('a')).toEqual([])
    expect(links.remove('a')).toEqual([])
    expect(links.remove('b')).toHaveLength(2)
    expect(links.all()).toEqual([])
  })

  it('lets both sides choose the same of two connections', () => {
    const [atSmall, atLarge] = [new PeerLinks<string>(small), new PeerLinks<string>(large)]
    for (const [connection, smallDialled, ms] of [
      ['by small', true, 1],
      ['by large', false, 2],
    ] as const) {
      atSmall.add(link(connection, { device: large, inbound: !smallDialled, openedMs: ms }))
      atLarge.add(link(connection, { device: small, inbound: smallDialled, openedMs: 3 - ms }))
    }
    expect(atSmall.best(large, folder1)?.connection).toBe('by small')
    expect(atLarge.best(small, folder1)?.connection).toBe('by small')
  })

  it('stays with a connection that is in use', () => {
    const links = new PeerLinks<string>(small)
    links.add(link('in use', { inbound: true, streams: 1 }))
    links.add(link('idle'))
    expect(links.best(large, folder1)?.connection).toBe('in use')
  })

  it('chooses only among connections that proved the folder', () => {
    const links = new PeerLinks<string>(small)
    links.add(link('a'))
    expect(links.best(large, folder2)).toBeNull()
    links.add(link('b', { inbound: true, folders: new Set([folder2]) }))
    expect(links.best(large, folder2)?.connection).toBe('b')
  })

  it('takes an old connection for dead when its device dials anew, but not one that was made at the same time', () => {
    const links = new PeerLinks<string>(small)
    links.add(link('old'))
    links.add(link('young', { openedMs: 60_000 }))
    const dead = (inbound: boolean): string[] =>
      links.deadBefore(link('new', { inbound, openedMs: 65_000 })).map(({ connection }) => connection)
    expect(dead(true)).toEqual(['old'])
    expect(dead(false)).toEqual([])
  })

  it('lets the smaller device end what is idle and not needed, after a while', () => {
    for (const [self, other, ended] of [
      [small, large, ['spare']],
      [large, small, []],
    ] as const) {
      const links = new PeerLinks<string>(self)
      links.add(link('used', { device: other, streams: 1 }))
      links.add(link('spare', { device: other }))
      links.add(link('with another folder', { device: other, folders: new Set([folder2]) }))
      expect(links.superfluous(1000)).toEqual([])
      expect(links.superfluous(20_000).map(({ connection }) => connection)).toEqual(ended)
    }
  })
})
