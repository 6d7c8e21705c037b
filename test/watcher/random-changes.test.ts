import * as fs from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'

import fc from 'fast-check'
import { expect, it } from 'vitest'

import type { WatchHint } from '../../src/ports/folder-watcher.ts'
import { AdaptiveWatcher } from '../../src/watcher/adaptive-watcher.ts'
import { realClock } from './collected-hints.ts'
import { CountingDisk } from './counting-disk.ts'
import { fastParent, temporaryFolder } from './temporary-folder.ts'

const waitMsMax = 20_000

/** What a replica would know: looks again at each path that is hinted at, and at all below it. */
class Mirror {
  readonly #root: string
  readonly entries = new Map<string, string>()

  constructor(root: string) {
    this.#root = root
  }

  readonly onHint = (hint: WatchHint): void => {
    if (hint.type === 'overflow') this.look('')
    if (hint.type === 'paths') for (const path of hint.paths) this.look(path)
  }

  look(path: string): void {
    for (const known of this.entries.keys()) {
      if (path === '' || known === path || known.startsWith(`${path}/`)) this.entries.delete(known)
    }
    for (const [found, what] of readTree(this.#root, path)) this.entries.set(found, what)
  }
}

/** What is at `path` and below it; nothing when a link or a file is on the way. */
function readTree(root: string, path = ''): [path: string, what: string][] {
  const parents = path.split('/').map((_, i, names) => names.slice(0, i).join('/'))
  if (!parents.every((parent) => fs.lstatSync(`${root}/${parent}`, { throwIfNoEntry: false })?.isDirectory())) return []
  const absolute = `${root}/${path}`
  const stats = fs.lstatSync(absolute, { throwIfNoEntry: false })
  if (stats === undefined) return []
  if (!stats.isDirectory()) return [[path, stats.isFile() ? fs.readFileSync(absolute, 'utf8') : 'link']]
  const below = fs.readdirSync(absolute).flatMap((name) => readTree(root, path === '' ? name : `${path}/${name}`))
  return path === '' ? below : [[path, 'folder'], ...below]
}

/** As text, in order. */
function lines(entries: Iterable<readonly [string, string]>): string[] {
  return Array.from(entries, (entry) => JSON.stringify(entry)).toSorted((a, b) => (a < b ? -1 : 1))
}

function countFolders(root: string): number {
  return 1 + readTree(root).filter(([, what]) => what === 'folder').length
}

// Few names, so that things often meet.
const path = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 }).map((names) => names.join('/'))
const change = fc.oneof(
  fc.record({ type: fc.constant('make' as const), path }),
  fc.record({ type: fc.constant('write' as const), path, text: fc.string({ maxLength: 3 }) }),
  fc.record({ type: fc.constant('remove' as const), path }),
  fc.record({ type: fc.constant('move' as const), path, to: path }),
  fc.record({ type: fc.constant('move' as const), path, to: path }),
  fc.record({ type: fc.constant('out' as const), path }),
  fc.record({ type: fc.constant('in' as const), path }),
  fc.record({ type: fc.constant('link' as const), path, to: fc.constantFrom('a', 'b', '../outside') }),
  fc.record({ type: fc.constant('turn' as const) }),
)
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

/** What the system refuses, such as a folder moved into itself, did not happen. */
function apply(root: string, outside: string, one: Exclude<Change, { type: 'turn' }>): void {
  const at = `${root}/${one.path}`
  const other = `${outside}/kept`
  try {
    if (one.type === 'make') fs.mkdirSync(at, { recursive: true })
    else if (one.type === 'write') fs.writeFileSync(at, one.text)
    else if (one.type === 'remove') fs.rmSync(at, { recursive: true })
    else if (one.type === 'move') fs.renameSync(at, `${root}/${one.to}`)
    else if (one.type === 'out') fs.renameSync(at, other)
    else if (one.type === 'in') fs.renameSync(other, at)
    else fs.symlinkSync(one.to, at)
  } catch (error) {
    expect(error).toHaveProperty('code')
  }
}

const failedOnce: [Change[]][] = [
  // A folder made in one that moved before its event was taken.
  [
    [
      { type: 'make', path: 'c' },
      { type: 'turn' },
      { type: 'turn' },
      { type: 'make', path: 'c/a' },
      { type: 'move', path: 'c', to: 'a' },
    ],
  ],
]

it('tells enough of whatever happens for the whole tree to be known, and keeps one watch a folder', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 5, maxLength: 60 }), async (changes) => {
      const folder = temporaryFolder(fastParent)
      // Links lead there, too, and things are written through them.
      const [root, outside] = [`${folder}/root`, `${folder}/outside`]
      for (const made of [root, outside]) fs.mkdirSync(made)
      const disk = new CountingDisk()
      const watcher = new AdaptiveWatcher({ queuedEventsMax: 16_384, clock: realClock, disk, folderLevelFrom: 0 })
      const mirror = new Mirror(root)
      await watcher.start(root, mirror.onHint)
      try {
        for (const one of changes) {
          if (one.type === 'turn') await nextTurn()
          else apply(root, outside, one)
        }
        const wanted = (): unknown => ({
          entries: lines(readTree(root)),
          watches: countFolders(root),
        })
        const got = (): unknown => ({ entries: lines(mirror.entries), watches: disk.openWatches })
        const end = performance.now() + waitMsMax
        while (JSON.stringify(got()) !== JSON.stringify(wanted()) && performance.now() < end) await realClock.sleep(2)
        expect(got()).toEqual(wanted())
      } finally {
        await watcher.stop()
        expect(disk.openWatches).toBe(0)
      }
    }),
    { seed: 3, numRuns: 500, examples: failedOnce },
  )
})
