import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { scrubNotesIn, type ScrubNote } from '../../src/node/scrub-notes.ts'

const note: ScrubNote = {
  startedAt: 5,
  finishedAt: null,
  nextAt: 7,
  everyDays: 30,
  files: 1,
  bytes: 2,
  skipped: 0,
  damaged: 1,
  repaired: 0,
  doneTo: 'a/b',
  unrepaired: ['a/b'],
}

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'p2psync-notes-'))
})
afterEach(() => rm(folder, { recursive: true }))

it('remembers what it was given', async () => {
  const notes = scrubNotesIn(join(folder, 'scrub.json'))
  expect(await notes.load()).toBeNull()
  await notes.save(note)
  expect(await notes.load()).toEqual(note)
})

it.each([
  ['no JSON', '{'],
  ['a number that is none', JSON.stringify({ ...note, files: 'many' })],
  ['a path that is none', JSON.stringify({ ...note, unrepaired: [1] })],
  ['a field that is missing', JSON.stringify({ ...note, everyDays: undefined })],
])('begins anew with %s', async (_, text) => {
  await writeFile(join(folder, 'scrub.json'), text)
  expect(await scrubNotesIn(join(folder, 'scrub.json')).load()).toBeNull()
})
