import { borrowCutter, returnCutter } from '../blocks/block-cutter.ts'
import { WorkSlice } from '../blocks/work-slice.ts'
import { isExecutable, type DiskState } from '../model/disk-state.ts'
import type { Disk } from '../ports/disk.ts'
import { digestFile, type FileDigest } from './digest-file.ts'
import { entryLine, type ManifestTotals } from './encode-manifest.ts'
import type { ManifestProblem } from './manifest-entry.ts'
import type { TreeItem } from './walk-tree.ts'

/** Some entries of a manifest, as text. */
export interface Description {
  /** The lines of the entries with `,\n` between two, as UTF-8; empty for none. */
  readonly text: Uint8Array<ArrayBuffer>
  readonly problems: readonly ManifestProblem[]
  readonly totals: ManifestTotals
}

export interface DescribeOptions {
  readonly blocks: boolean
  /** For each item the SHA-256 that its file is known to have, or ''; null for none known. */
  readonly known: readonly string[] | null
}

interface Deps {
  readonly disk: Disk
  readonly root: string
  /** Lets others have their turn. */
  readonly turn: () => Promise<unknown>
  readonly sleep: (milliseconds: number) => Promise<unknown>
}

/**
 * Hashes the files among `items` and writes the lines of their entries. A file that changes while it is read is looked
 * at and read again, after a while; what cannot be read, or never rests, is a problem and no entry. What is gone, is no
 * problem.
 */
export async function describeItems(
  deps: Deps,
  items: readonly TreeItem[],
  options: DescribeOptions,
): Promise<Description> {
  const writer = new DescriptionWriter()
  const slice = new WorkSlice()
  for (const [i, item] of items.entries()) {
    if (item.disk.kind !== 'file') {
      writer.addOther(item)
      continue
    }
    const sha256 = options.known?.[i] ?? ''
    const isKnown = sha256 !== ''
    const digested: Digested = isKnown
      ? { digest: { outcome: 'hashed', sha256, blocks: null }, state: item.disk }
      : await digestPatiently(deps, item, { blocks: options.blocks, slice })
    writer.addFile(item.path, digested)
  }
  return writer.finish()
}

class DescriptionWriter {
  readonly #lines: string[] = []
  readonly #problems: ManifestProblem[] = []
  readonly #totals = { files: 0, folders: 0, links: 0, bytes: 0 }

  addOther({ path, disk, linkTarget }: TreeItem): void {
    if (disk.kind === 'folder') {
      this.#totals.folders++
      this.#lines.push(entryLine({ kind: 'folder', path }))
    } else {
      this.#totals.links++
      this.#lines.push(entryLine({ kind: 'symlink', path, mtimeNs: disk.mtimeNs, linkTarget }))
    }
  }

  addFile(path: string, { digest, state }: Digested): void {
    if (digest.outcome === 'failed') this.#problems.push({ path, reason: digest.reason })
    if (digest.outcome === 'changed') this.#problems.push({ path, reason: 'it changed each time that it was read' })
    if (digest.outcome !== 'hashed') return
    const { sizeBytes, mtimeNs, mode } = state
    const { sha256, blocks } = digest
    this.#totals.files++
    this.#totals.bytes += sizeBytes
    const entry = { kind: 'file', path, sizeBytes, mtimeNs, sha256, executable: isExecutable(mode) } as const
    this.#lines.push(entryLine(entry, blocks))
  }

  finish(): Description {
    const text = new TextEncoder().encode(this.#lines.join(',\n'))
    return { text, problems: this.#problems, totals: this.#totals }
  }
}

interface Work {
  readonly blocks: boolean
  readonly slice: WorkSlice
}

interface Digested {
  readonly digest: FileDigest
  /** What the digest is of. */
  readonly state: DiskState
}

async function digestPatiently(deps: Deps, { path, disk }: TreeItem, work: Work): Promise<Digested> {
  const absolutePath = `${deps.root}/${path}`
  let state = disk
  for (let attempts = 1; ; attempts++) {
    const digest = await digestInSlices(deps, absolutePath, state, work)
    if (digest.outcome !== 'changed' || attempts === attemptsMax) return { digest, state }
    await deps.sleep(firstPauseMs * 4 ** (attempts - 1))
    const now = deps.disk.lstat(absolutePath)
    if (now === null) return { digest: { outcome: 'gone' }, state }
    if (now.kind !== 'file') return { digest: { outcome: 'failed', reason: 'it is no file any more' }, state }
    state = now
  }
}

const attemptsMax = 5
// 10, 40, 160 and 640 ms.
const firstPauseMs = 10

async function digestInSlices(deps: Deps, absolutePath: string, state: DiskState, work: Work): Promise<FileDigest> {
  const cutter = borrowCutter()
  const job = digestFile({ disk: deps.disk, cutter, ...work }, absolutePath, state)
  try {
    for (;;) {
      const step = job.next()
      if (step.done === true) return step.value
      await deps.turn()
    }
  } finally {
    job.return(undefined as never)
    returnCutter(cutter)
  }
}
