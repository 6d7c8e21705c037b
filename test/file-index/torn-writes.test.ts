import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FolderIndex } from '../../src/file-index/folder-index.ts'
import { rebuildTree } from '../../src/file-index/leaf-rows.ts'
import { openLevelStore } from '../../src/file-index/level-store.ts'
import { rootHash } from '../../src/merkle/merkle-tree.ts'
import { P2psyncError, systemCode } from '../../src/model/errors.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'
import { countingRandom, deviceTag, fileOf, tombstoneOf } from './sample-records.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

let folder = ''
const copies: string[] = []
const committed = new Set<string>()

/** Commits a few hundred batches and copies the database from time to time, while it is open. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'p2psync-torn-'))
  const index = await openIndex(await openLevelStore(join(folder, 'live')))
  committed.add(hex(index.summary.hash))
  for (let batch = 0; batch < 160; batch++) {
    const changes = Array.from({ length: 40 }, (_, i) => {
      const path = `d${(batch * 7 + i) % 50}/f${(batch * 31 + i * 17) % 3000}`
      return i % 9 === 0 ? tombstoneOf(path) : fileOf(path, `text ${'x'.repeat(i)} ${batch}`)
    })
    const writing = index.commit(changes)
    // Half of the copies are made while a batch is being written.
    if (batch % 10 === 7) copyLive(`copy-${batch}`)
    await writing
    committed.add(hex(index.summary.hash))
    if (batch % 10 === 3) copyLive(`copy-${batch}`)
  }
  await index.close()
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** LevelDB's own thread may add and remove files meanwhile: then it is copied again, for no crash leaves such a mixture. */
function copyLive(name: string): void {
  const to = join(folder, name)
  for (let tries = 0; tries < 100; tries++) {
    const before = filesOf(join(folder, 'live'))
    try {
      cpSync(join(folder, 'live'), to, { recursive: true })
      if (filesOf(join(folder, 'live')) === before) {
        copies.push(name)
        return
      }
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
    }
    rmSync(to, { recursive: true, force: true })
  }
  throw new Error('the database never held still')
}

/** The names of its files, and what its manifest says of them. */
function filesOf(database: string): string {
  const names = readdirSync(database).sort()
  const manifests = names
    .filter((name) => name.startsWith('MANIFEST'))
    .map((name) => statSync(join(database, name)).size)
  return [...names, ...manifests].join()
}

function openIndex(store: KeyValueStore): Promise<FolderIndex> {
  return FolderIndex.open(store, { deviceTag, random: countingRandom() })
}

/** The root at which the database opens, which must be that of its rows; or the code of the refusal. */
async function tryOpen(path: string): Promise<string> {
  let store: KeyValueStore | null = null
  try {
    store = await openLevelStore(path)
    const index = await openIndex(store)
    expect(hex(index.summary.hash)).toBe(hex(rootHash(await rebuildTree(store))))
    let rows = 0
    for await (const page of index.rows()) rows += page.length
    expect(rows).toBe(index.summary.entries)
    return hex(index.summary.hash)
  } catch (error) {
    if (error instanceof P2psyncError) return error.code
    throw error
  } finally {
    await store?.close()
  }
}

describe('an index whose process or machine died', () => {
  it('opens at a committed state from a copy made at any moment', async () => {
    for (const name of copies) {
      const path = join(folder, `${name}-opened`)
      cpSync(join(folder, name), path, { recursive: true })
      expect(committed).toContain(await tryOpen(path))
    }
    expect(copies.length).toBeGreaterThan(20)
  })

  it('opens at a committed state or says index-damaged when any of its files is cut off anywhere', async () => {
    let opened = 0
    const someCut = fc.tuple(fc.nat(copies.length - 1), fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }))
    await fc.assert(
      fc.asyncProperty(someCut, async ([copy, file, part]) => {
        const path = join(folder, 'cut')
        rmSync(path, { recursive: true, force: true })
        cpSync(join(folder, copies[copy]!), path, { recursive: true })
        const files = readdirSync(path).filter((name) => /\.(log|ldb)$|^(MANIFEST|CURRENT)/.test(name))
        const name = join(path, files[file % files.length]!)
        truncateSync(name, Math.floor(statSync(name).size * part))
        const outcome = await tryOpen(path)
        if (outcome !== 'index-damaged') {
          expect(committed).toContain(outcome)
          opened++
        }
      }),
      { numRuns: 80 },
    )
    expect(opened).toBeGreaterThan(10)
  })
})
