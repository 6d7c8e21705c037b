import { appendFileSync, chmodSync, cpSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Scratch } from '../e2e/scratch.ts'
import { Ledger } from '../simulation/ledger.ts'
import { checkRest } from './check-rest.ts'
import { SoakUser } from './soak-user.ts'

describe('what the soak finds in folders at rest', () => {
  const names = ['a', 'b'] as const
  let scratch: Scratch
  let user: SoakUser
  let ledger: Ledger

  /** One person has written five files at a, and b has got them. */
  beforeEach(() => {
    scratch = new Scratch()
    ledger = new Ledger()
    user = new SoakUser({ root: scratch.at('a'), name: 'a', ledger })
    for (let i = 0; i < 5; i++) user.act({ type: 'write', path: `file ${i}`, sizeBytes: 50 })
    sync()
  })

  afterEach(() => scratch[Symbol.dispose]())

  function sync(): void {
    rmSync(scratch.at('b'), { recursive: true, force: true })
    cpSync(scratch.at('a'), scratch.at('b'), { recursive: true, verbatimSymlinks: true })
  }

  const found = () =>
    checkRest(
      names.map((name) => ({ name, folder: scratch.at(name) })),
      ledger,
    )

  function onBoth(act: (folder: string) => void): void {
    for (const name of names) act(scratch.at(name))
  }

  it('is nothing when a file was replaced or removed by somebody who had seen it', () => {
    for (const type of ['write', 'save'] as const) user.act({ type, path: 'file 0', sizeBytes: 70_000 })
    for (const type of ['append', 'edit'] as const) user.act({ type, path: 'file 0' })
    user.act({ type: 'rename', path: 'file 1', to: 'file 2' })
    user.act({ type: 'turn', path: 'file 3', into: 'folder' })
    user.act({ type: 'link', path: 'file 4' })
    user.act({ type: 'remove', path: 'file 3' })
    sync()
    expect(found()).toMatchObject({ problems: [], files: 2, onlyInHistory: [] })
  })

  it('is a content that is nowhere', () => {
    onBoth((folder) => rmSync(join(folder, 'file 3')))
    expect(found().problems).toEqual([expect.stringMatching(/^lost: file 50 /)])
  })

  it('is no loss when the history of one has it', () => {
    rmSync(scratch.at('a', 'file 3'))
    const kept = scratch.at('b/.p2psync/history/20261122/file 3')
    mkdirSync(dirname(kept), { recursive: true })
    renameSync(scratch.at('b/file 3'), kept)
    expect(found()).toMatchObject({ problems: [], onlyInHistory: [expect.stringMatching(/^file 50 /)] })
  })

  it('is a content that nobody wrote, such as the half of one', () => {
    onBoth((folder) => appendFileSync(join(folder, 'file 2'), 'torn'))
    const problems = found().problems.join('\n')
    for (const name of names) expect(problems).toContain(`nobody wrote what ${name} has at file 2: file 54 `)
  })

  it('is what differs: a file, an executable bit', () => {
    rmSync(scratch.at('b/file 0'))
    chmodSync(scratch.at('b/file 1'), 0o755)
    expect(found().problems).toEqual([
      expect.stringMatching(/^a and b differ: file 0: .* \/ nothing$/),
      expect.stringMatching(/^a and b differ: file 1: .* executable at 0$/),
    ])
  })

  it('is what is left behind, but for what a later try goes on with', () => {
    const staging = scratch.at('a/.p2psync/staging')
    mkdirSync(staging, { recursive: true })
    for (const name of ['stray', `r${'0'.repeat(24)}`]) writeFileSync(join(staging, name), '')
    writeFileSync(scratch.at('a/.p2psync/other'), '')
    expect(found()).toMatchObject({
      problems: ['a has left stray in its staging folder', 'a has left other in .p2psync'],
      remains: 1,
    })
  })
})
