import { mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bootId } from '../../src/node/boot-notes.ts'
import { whileReplacing } from '../../src/node/control-socket.ts'

// Of no process: larger than any that Linux gives.
const pidOfNobody = 2 ** 30

describe('the lock of a socket that is replaced', () => {
  let folder: string
  let socket: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'p2psync-lock-'))
    socket = join(folder, 'control.sock')
  })

  afterEach(() => rm(folder, { recursive: true }))

  async function isReplaced(): Promise<boolean> {
    let ran = false
    const told = await whileReplacing(socket, async () => void (ran = true))
    expect(told).toBe(ran)
    return ran
  }

  it('is held by one process at a time, and gone afterwards', async () => {
    const during = await new Promise<boolean>((resolve, reject) => {
      whileReplacing(socket, async () => resolve(await isReplaced())).catch(reject)
    })
    expect(during).toBe(false)
    expect(await isReplaced()).toBe(true)
    expect(await readdir(folder)).toEqual([])
  })

  it.each([
    ['of a process that is dead', async () => `${pidOfNobody}:${await bootId()}`],
    ['of a boot before this one, whoever has the number now', async () => `${process.pid}:another`],
    ['of which nothing can be read', async () => 'x'],
  ])('keeps no node from its start when it is one %s', async (_, holder) => {
    await symlink(await holder(), `${socket}.lock`)
    expect(await isReplaced()).toBe(true)
    expect(await readdir(folder)).toEqual([])
  })

  it('keeps no node from its start when a killed one has left an empty file', async () => {
    await writeFile(`${socket}.lock`, '')
    expect(await isReplaced()).toBe(true)
    expect(await readdir(folder)).toEqual([])
  })
})
