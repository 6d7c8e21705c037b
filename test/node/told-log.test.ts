import { beforeEach, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import type { DeviceId } from '../../src/model/device-id.ts'
import { ToldLog } from '../../src/node/told-log.ts'
import { countingRandom, deviceTag, fileOf } from '../file-index/sample-records.ts'
import { OrderedStore } from '../twins/ordered-store.ts'

const peer = '12D3KooWpeer' as DeviceId

describe('what others can know of our log', () => {
  let store: OrderedStore
  let index: FolderIndex
  let told: ToldLog
  beforeEach(async () => {
    store = new OrderedStore()
    await open()
  })

  /** A process that ends in order, and the next one. */
  async function restart(): Promise<void> {
    await index.close()
    await open()
  }
  async function open(): Promise<void> {
    index = await FolderIndex.open(store, { deviceTag, random: countingRandom() })
    told = new ToldLog(index)
    await told.load()
  }
  const record = (path: string): Promise<void> => index.commit([fileOf(path, path)])

  it('is what there was before the first of the processes of which nobody was told anything', async () => {
    await record('a')
    await told.beforeTelling()
    await restart()
    for (const path of ['b', 'c', 'd']) {
      expect([told.openedAtSeq, told.mayKnow(peer)]).toEqual([1, 1])
      await record(path)
      await restart()
    }
    await told.beforeTelling()
    told.onTelling(peer, index.seq)
    expect([told.openedAtSeq, told.mayKnow(peer)]).toEqual([1, 4])
    await restart()
    expect([told.openedAtSeq, told.mayKnow(peer)]).toEqual([4, 4])
  })

  it('is all of it after a power cut right behind the first word', async () => {
    await record('a')
    await restart()
    await record('b')
    await told.beforeTelling()
    store.cutPower(1)
    await open()
    expect(told.openedAtSeq).toBe(index.seq)
  })
})
