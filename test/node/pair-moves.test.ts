import { describe, expect, it } from 'vitest'
import type { FileRecord } from '../../src/model/file-record.ts'
import { noOrder } from '../../src/model/folder-order.ts'
import type { Work } from '../../src/node/work.ts'
import { Needs } from '../../src/node/needs.ts'
import { pairMoves } from '../../src/node/pair-moves.ts'
import { decide } from '../../src/reconcile/decide.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { fileRecord, tombstone } from './sample-record.ts'

describe('the files of a job', () => {
  it('are moved from where a file with their content is removed', () => {
    expect(pairs(removal('old', 'text'), arrival('new', 'text'))).toEqual(['old > new'])
    expect(pairs(arrival('new', 'text'), removal('old', 'text'))).toEqual(['old > new'])
  })

  it('are not moved where the content is another', () => {
    expect(pairs(removal('old', 'text'), arrival('new', 'other'))).toEqual([])
  })

  it('are each moved from a place of their own', () => {
    const work = [removal('1', 'x'), arrival('a', 'x'), arrival('b', 'x'), removal('2', 'x'), arrival('c', 'x')]
    const found = pairs(...work)
    expect(found).toHaveLength(2)
    expect(new Set(found.map((pair) => pair.split(' > ')[0]))).toEqual(new Set(['1', '2']))
  })

  it('may take the place of another file, or of what was deleted', () => {
    expect(pairs(removal('old', 'text'), arrival('new', 'text', fileRecord('new', 'before')))).toEqual(['old > new'])
    expect(pairs(removal('old', 'text'), arrival('new', 'text', tombstone('new')))).toEqual(['old > new'])
  })

  it.each<[string, Work]>([
    ['take the place of a folder', arrival('new', 'text', { ...fileRecord('new', ''), kind: 'folder', content: '' })],
    ['have their content already', arrival('new', 'text', { ...fileRecord('new', 'text'), mtimeNs: 5n })],
    ['conflict with what is there', workOf(fileRecord('new', 'before', { counter: 9 }), conflicting('new', 'text'))],
  ])('are not moved when they %s', (_, item) => {
    expect(pairs(removal('old', 'text'), item)).toEqual([])
  })

  it('are not moved from what is not on this disk', () => {
    const item = removal('old', 'text')
    expect(pairs({ ...item, row: { ...item.row!, disk: null } }, arrival('new', 'text'))).toEqual([])
  })
})

const disk = { kind: 'file', sizeBytes: 4, mtimeNs: 1n, ctimeNs: 1n, inode: 1n, mode: 0o644 } as const

function arrival(path: string, text: string, before: FileRecord | null = null): Work {
  return workOf(before, fileRecord(path, text, { counter: 5 }))
}

function removal(path: string, text: string): Work {
  return workOf(fileRecord(path, text), tombstone(path, { counter: 5 }))
}

function conflicting(path: string, text: string): FileRecord {
  const other = fileRecord('other', '').writer.replaceAll('01', '02') as FileRecord['writer']
  return { ...fileRecord(path, text, { mtimeNs: 2n ** 61n }), version: [[other, 1]], writer: other }
}

function workOf(before: FileRecord | null, record: FileRecord): Work {
  const decision = decide(before, record)
  if (decision.action === 'nothing') throw new Error('nothing to do')
  const needs = new Needs({ clock: new ManualClock(), order: noOrder })
  needs.add(record, 'peer' as never, { bytes: 4, replaces: before?.content ?? '' })
  const [need] = needs.takeJob(0, { removals: true })
  const row = before === null ? null : { record: before, disk, seq: 1 }
  return { need: need!, decision, row, staged: null, blockList: null, movedFrom: null }
}

function pairs(...work: Work[]): string[] {
  pairMoves(work)
  return work.flatMap((item) =>
    item.movedFrom === null ? [] : [`${item.movedFrom.decision.record.path} > ${item.decision.record.path}`],
  )
}
