/**
 * What the index costs: `node bench/index.ts [entries...]` (default 100000 1000000), in a folder of the system's temporary
 * directory. On a busy machine read the time of this thread. Bytes on the wire are
 * whole messages of the walk, both ways, and the questions for the records that differ, without those records.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { hashBlock } from '../src/blocks/hash.ts'
import { FolderIndex, type RowChange } from '../src/file-index/folder-index.ts'
import { planLeaves, rebuildTree } from '../src/file-index/leaf-rows.ts'
import { openLevelStore } from '../src/file-index/level-store.ts'
import { differingPaths } from '../src/merkle/diff-trees.ts'
import { buildTree, treeHeight } from '../src/merkle/merkle-tree.ts'
import { noFingerprint } from '../src/model/file-record.ts'
import { pathKey, type RelativePath } from '../src/model/relative-path.ts'
import { makeWriterId } from '../src/model/writer-id.ts'
import { answerQuestion } from '../src/node/answer-question.ts'
import { RemoteTree } from '../src/node/remote-tree.ts'
import { encodeSyncMessage } from '../src/node/sync-messages.ts'
import { questionPathsMax } from '../src/node/tree-messages.ts'
import type { KeyValueStore } from '../src/ports/key-value-store.ts'

const deviceTag = Buffer.alloc(8, 1)
const writer = makeWriterId(deviceTag, Buffer.alloc(8, 2))
const random = { bytes: (length: number) => new Uint8Array(length).fill(7), fraction: () => 0.5 }
const open = (store: KeyValueStore): Promise<FolderIndex> => FolderIndex.open(store, { deviceTag, random })

const isRest = process.argv[2] === '--rest'
if (isRest) await rest(process.argv[3]!)
const counts = process.argv.length > 2 ? process.argv.slice(2).map(Number) : [100_000, 1_000_000]
for (const count of isRest ? [] : counts) {
  const folder = mkdtempSync(join(tmpdir(), 'p2psync-bench-'))
  try {
    console.log(`\n${count} entries`)
    await benchmark(folder, count)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function benchmark(folder: string, count: number): Promise<void> {
  const live = join(folder, 'live')
  let store = await openLevelStore(live)
  let index = await open(store)
  await timed(`build: files of one block, commits of 1000`, count, async () => {
    for (let at = 0; at < count; at += 1000) await index.commit(range(at, 1000).map((n) => changeOf(n, 1)))
  })
  await index.close()
  console.log(
    execFileSync(process.execPath, ['--expose-gc', import.meta.filename, '--rest', live], { encoding: 'utf8' }),
  )
  await timed('open', 1, async () => {
    store = await openLevelStore(live)
    index = await open(store)
  })
  const bytes = readdirSync(live).reduce((sum, name) => sum + statSync(join(live, name)).size, 0)
  const mib = (n: number): string => (n / 2 ** 20).toFixed(0)
  console.log(`  on disk ${mib(bytes)} MiB, height ${treeHeight(await rebuildTree(store))}`)
  await timed('rebuild the tree from the rows', count, () => rebuildTree(store))
  await timed('read all rows', count, async () => {
    for await (const page of index.rows()) if (page.length === 0) break
  })
  await timed('look at path, kind and disk state of all rows', count, async () => {
    for await (const page of index.rowHeads()) {
      for (const { path, live: isLive, disk } of page)
        if (path === '' || !isLive || disk === null) throw new Error(path)
    }
  })
  const tree = await rebuildTree(store)
  await timed('upper levels from the leaves', 1, () => Promise.resolve(buildTree(tree.levels[0]!)))
  await timed('root', 1000, () => {
    for (let i = 0; i < 1000; i++) if (index.summary.hash.length !== 32) break
    return Promise.resolve()
  })
  const scattered = (amount: number): number[] => range(0, amount).map((i) => Math.floor((i * count) / amount))
  const row = new Uint8Array(250)
  const leavesOnly = (numbers: readonly number[]): Promise<unknown> => {
    const changes = numbers.map((n) => ({ key: pathKey(changeOf(n, 9).record.path), hash: new Uint8Array(16), row }))
    return planLeaves(store, tree, changes)
  }
  await timed('tree alone, 10,000 clustered', 1, () => leavesOnly(range(5000, 10_000)))
  await timed('tree alone, 10,000 scattered', 1, () => leavesOnly(scattered(10_000)))
  await timed('one change, each a commit', 200, async () => {
    for (const n of scattered(200)) await index.commit([changeOf(n, 2)])
  })
  await timed('one change, each a durable commit', 50, async () => {
    for (const n of scattered(50)) await index.commit([changeOf(n, 3)], { durable: true })
  })
  await timed('10,000 clustered in one commit', 1, () => index.commit(range(5000, 10_000).map((n) => changeOf(n, 4))))
  await timed('10,000 scattered in one commit', 1, () => index.commit(scattered(10_000).map((n) => changeOf(n, 5))))
  await timed('10,000 new, scattered, in one commit', 1, () =>
    index.commit(scattered(10_000).map((n) => changeOf(n + 0.5, 5))),
  )
  await timed('the first look-up of a content', 1, () => index.findBlocks([contentOf(0, 0)]))
  await timed('find 20,000 blocks that are not there', 20_000, () => find(index, count))
  await timed('find 20,000 blocks that are there', 20_000, () => find(index, 20_000))
  await timed('tell 20,000 records from the beginning of the log', 20_000, () => tell(index))
  await walks(folder, index, count, scattered)
  await store.close()
  await timed('open what was not closed', 1, async () => {
    store = await openLevelStore(live)
    index = await open(store)
  })
  await index.close()
}

/** What an open index takes: in a process of its own, that has built nothing. */
async function rest(live: string): Promise<void> {
  const say = (what: string): void => {
    gc?.()
    console.log(`  resident, ${what}: ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`)
  }
  say('before opening')
  const index = await open(await openLevelStore(live))
  say('opened')
  let rows = 0
  for await (const page of index.rowHeads()) rows += page.length
  say(`after a look at ${rows} rows`)
  await index.findBlocks([contentOf(0, 0)])
  say('after a look-up of a content')
  await index.close()
}

async function find(index: FolderIndex, from: number): Promise<void> {
  for (let at = 0; at < 20_000; at += 2000) await index.findBlocks(range(from + at, 2000).map((n) => contentOf(n, 1)))
}

async function tell(index: FolderIndex): Promise<void> {
  for (let told = 0, seq = 0; told < 20_000;) {
    const { records, toSeq } = await index.since(seq, 1000)
    told += records.length
    seq = toSeq
  }
}

/** A second index that differs in more and more records. */
async function walks(
  folder: string,
  index: FolderIndex,
  count: number,
  scattered: (amount: number) => number[],
): Promise<void> {
  const other = await open(await openLevelStore(join(folder, 'other')))
  for await (const page of index.rows()) await other.commit(page.map(({ record, disk }) => ({ record, disk })))
  const cases: [string, number[]][] = [
    ['1 record', [Math.floor(count / 3)]],
    ['10 scattered', scattered(10)],
    ['1000 scattered', scattered(1000)],
    ['1000 clustered', range(20_000, 1000)],
  ]
  for (const [name, numbers] of cases) {
    const before = await other.getMany(numbers.map((n) => changeOf(n, 1).record.path))
    await other.commit(numbers.map((n) => changeOf(n, 8)))
    const counted = counting(other)
    const started = performance.now()
    let found = 0
    for await (const paths of differingPaths(index.localTree(), counted.tree)) {
      found += paths.length
      for (let at = 0; at < paths.length; at += questionPathsMax) {
        await counted.tree.records(paths.slice(at, at + questionPathsMax))
      }
    }
    const ms = (performance.now() - started).toFixed(1)
    const { cost } = counted
    const trips = `${cost.tree} round trips and ${cost.records} for the records`
    console.log(`  walk, ${name}: ${found} found, ${trips}, ${(cost.bytes / 1024).toFixed(1)} KiB, ${ms} ms`)
    await other.commit(before.flatMap((row) => (row === null ? [] : [{ record: row.record, disk: row.disk }])))
  }
  await other.close()
}

/** A tree that is asked as over the wire: counts whole messages, and the questions for the records that differ. */
function counting(index: FolderIndex): { tree: RemoteTree; cost: { tree: number; records: number; bytes: number } } {
  const cost = { tree: 0, records: 0, bytes: 0 }
  const tree: RemoteTree = new RemoteTree(async (id, question) => {
    cost[question.kind === 'records' ? 'records' : 'tree']++
    cost.bytes += encodeSyncMessage({ type: 'ask', id, question }).length
    const answer = await answerQuestion(index, question)
    if (question.kind !== 'records') cost.bytes += encodeSyncMessage({ type: 'answer', id, answer }).length
    tree.onAnswer(id, answer)
  })
  return { tree, cost }
}

function changeOf(n: number, value: number): RowChange {
  const whole = Math.floor(n)
  const path = `projects/p${pad(whole / 10_000)}/folder ${pad((whole / 100) % 100)}/file ${pad(whole)}${n === whole ? '' : 'b'}.txt`
  return {
    record: {
      path: path as RelativePath,
      kind: 'file',
      sizeBytes: 4096,
      mtimeNs: 1_700_000_000_123_456_789n + BigInt(whole),
      executable: false,
      linkTarget: '',
      content: contentOf(n, value),
      version: [[writer, value]],
      writer,
      writerName: 'laptop',
      basis: noFingerprint,
    },
    disk: {
      kind: 'file',
      sizeBytes: 4096,
      mtimeNs: 1_700_000_000_123_456_789n,
      ctimeNs: 1n,
      inode: BigInt(whole),
      mode: 0o644,
    },
  }
}

function contentOf(n: number, value: number): ReturnType<typeof hashBlock> {
  return hashBlock(Buffer.from(`${value} ${n}`))
}

function pad(n: number): string {
  return String(Math.floor(n)).padStart(6, '0')
}

function range(from: number, length: number): number[] {
  return Array.from({ length }, (_, i) => from + i)
}

async function timed(name: string, units: number, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now()
  const cpu = process.threadCpuUsage()
  await work()
  const ms = performance.now() - started
  const used = process.threadCpuUsage(cpu)
  const cpuMs = ((used.user + used.system) / 1000).toFixed(1)
  const each = units === 1 ? '' : `, ${((ms * 1000) / units).toFixed(1)} us each, ${Math.round((units * 1000) / ms)}/s`
  console.log(`  ${name}: ${ms.toFixed(1)} ms (${cpuMs} ms of this thread)${each}`)
}
