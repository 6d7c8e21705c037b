import { describe, expect, it } from 'vitest'
import { FolderGuard } from '../../src/node/folder-guard.ts'
import { ToldLosses, toldLossesIn, type ToldLossesNote } from '../../src/node/told-losses.ts'
import { ManualClock } from '../twins/manual-clock.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import { expectKept } from './kept-note.ts'
import { fileRecord, tombstone, writerOf } from './sample-record.ts'

const removal = (counter: number): ReturnType<typeof tombstone> => tombstone('d/a', { counter })
const open = (notes: MemoryNote<ToldLossesNote>): Promise<ToldLosses> =>
  ToldLosses.open({ notes, logger: silentLogger })

describe('what a device has told, and a person is to decide', () => {
  it('is rejected in its version and in those made of it, not in others', async () => {
    const told = ToldLosses.none()
    told.wait(removal(3), 1)
    expect(told.isRejected(removal(3))).toBe(false)
    await told.rejectWaiting()
    expect([2, 3, 4].map((counter) => told.isRejected(removal(counter)))).toEqual([false, true, true])
    expect(told.isRejected(fileRecord('d/a', 'edited', { version: [[writerOf(2), 9]] }))).toBe(false)
    expect([told.hasRejectedIn(fileRecord('d', '').path), told.hasRejectedIn(fileRecord('e', '').path)]).toEqual([
      true,
      false,
    ])
    told.settled(removal(3).path)
    expect(told.isRejected(removal(3))).toBe(false)
  })

  it('is found again by the next process, and noted again where that failed', async () => {
    const notes = new MemoryNote<ToldLossesNote>()
    const told = await open(notes)
    told.wait(removal(3), 1)
    const save = notes.save.bind(notes)
    notes.save = () => Promise.reject(new Error('disk full'))
    await told.save()
    expect(notes.note).toBeNull()
    notes.save = save
    await told.save()
    expect([...(await open(notes)).waiting]).toEqual([['d/a', { version: removal(3).version, files: 1 }]])
  })

  it('waits no more where nothing was held at the end', async () => {
    const notes = new MemoryNote<ToldLossesNote>()
    const told = await open(notes)
    told.wait(removal(3), 1)
    await told.save()
    const toldLosses = await open(notes)
    const guard = new FolderGuard({
      clock: new ManualClock(),
      filesNow: () => 0,
      onChange: () => undefined,
      toldLosses,
    })
    expect([[...toldLosses.waiting], [...guard.incoming.paths]]).toEqual([[], []])
  })
})

describe('the note of it', () => {
  it('is found again as it was saved, and is none when it is damaged', async () => {
    const version = [[writerOf(1), 3]] as const
    const malformed = [
      '',
      '{"waiting":[]}',
      '{"waiting":[["../x",[],1]],"rejected":[]}',
      '{"waiting":[["x",[["w",1]],1]],"rejected":[]}',
    ]
    await expectKept(toldLossesIn, { waiting: [['d/a', version, 1]], rejected: [['b', version, 0]] }, malformed)
  })
})
