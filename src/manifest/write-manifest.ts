import type { Description } from './describe-items.ts'
import { endLine, headLine, problemLine, problemsLine, type ManifestTotals } from './encode-manifest.ts'
import type { ManifestProblem } from './manifest-entry.ts'
import type { TreeReaders } from './tree-readers.ts'
import type { TreeBatch, TreeItem } from './walk-tree.ts'

export interface ManifestOptions {
  readonly readers: TreeReaders
  /** Absolute. */
  readonly folder: string
  readonly createdAtMs: number
  readonly blocks?: boolean
  /** Paths below the folder that are taken for absent. */
  readonly leaveOut?: readonly string[]
  /** The SHA-256 of a file that need not be read, or ''. */
  readonly known?: (item: TreeItem) => string
  /** Called with what is written so far. */
  readonly onProgress?: (totals: ManifestTotals) => void
}

export interface ManifestSummary {
  readonly totals: ManifestTotals
  readonly problems: readonly ManifestProblem[]
}

/**
 * The manifest of a folder as UTF-8, in pieces (encode-manifest.ts has the format); returns what it says in sum. The
 * folder is walked and hashed on the readers' threads, a little ahead of whoever takes the pieces; memory does not grow
 * with the folder. What cannot be read is in the manifest's problems.
 *
 * @throws {P2psyncError} `folder-missing`, `folder-unreadable`: the folder itself.
 */
export async function* writeManifest(options: ManifestOptions): AsyncGenerator<Uint8Array, ManifestSummary> {
  const { readers, folder, createdAtMs, onProgress } = options
  const problems: ManifestProblem[] = []
  const totals = { files: 0, folders: 0, links: 0, bytes: 0 }
  const jobs: Promise<Description>[] = []
  let isFirst = true
  const take = async (): Promise<Uint8Array> => {
    const part = await jobs.shift()!
    problems.push(...part.problems)
    addTotals(totals, part.totals)
    onProgress?.(totals)
    if (part.text.length === 0) return part.text
    const separator = isFirst ? '' : ',\n'
    isFirst = false
    return Buffer.concat([Buffer.from(separator), part.text])
  }

  const head = Buffer.from(headLine({ folder, createdAtMs }))
  let isBegun = false
  for await (const batch of readers.walk(folder, { starts: [''], leaveOut: options.leaveOut ?? [] })) {
    // Of a folder that is not there, not even the head is written.
    if (!isBegun) yield head
    isBegun = true
    for (const { path, reason } of batch.problems) problems.push({ path, reason })
    for (const items of portions(batch)) {
      jobs.push(begin(options, items))
      while (jobs.length > readers.threadsMax * 3) yield await take()
    }
  }
  if (!isBegun) yield head
  while (jobs.length > 0) yield await take()
  const problemLines = problems.map((problem) => problemLine(problem)).join(',\n')
  yield Buffer.from(`${isFirst ? '' : '\n'}${problemsLine}${problemLines}${problemLines === '' ? '' : '\n'}`)
  yield Buffer.from(endLine(totals))
  return { totals, problems }
}

function begin(
  { readers, folder, blocks = true, known }: ManifestOptions,
  items: readonly TreeItem[],
): Promise<Description> {
  const shas = known === undefined ? null : items.map((item) => known(item))
  const job = readers.describe(folder, items, { blocks, known: shas })
  // Whoever takes it is told; until then it is nobody's.
  job.catch(() => undefined)
  return job
}

/** Parts of a batch that keep a thread busy for a moment, and no more. */
function* portions({ items }: TreeBatch): Generator<readonly TreeItem[]> {
  let begun = 0
  let bytes = 0
  for (const [i, { disk }] of items.entries()) {
    bytes += disk.kind === 'file' ? disk.sizeBytes : 0
    if (bytes < portionBytes && i + 1 - begun < portionItemsMax) continue
    yield items.slice(begun, i + 1)
    begun = i + 1
    bytes = 0
  }
  if (begun < items.length) yield items.slice(begun)
}

const portionBytes = 32 * 1024 * 1024
const portionItemsMax = 250

function addTotals(sum: { -readonly [Name in keyof ManifestTotals]: number }, more: ManifestTotals): void {
  sum.files += more.files
  sum.folders += more.folders
  sum.links += more.links
  sum.bytes += more.bytes
}
