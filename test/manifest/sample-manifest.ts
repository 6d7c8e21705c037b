import fc from 'fast-check'
import { endLine, entryLine, headLine, problemLine, problemsLine } from '../../src/manifest/encode-manifest.ts'
import type { ManifestEntry, ManifestPart, ManifestProblem } from '../../src/manifest/manifest-entry.ts'
import { readManifest } from '../../src/manifest/read-manifest.ts'
import { comparePaths, type RelativePath } from '../../src/model/relative-path.ts'

/** A file whose content is what `content` says: equal texts, equal bytes. */
export function file(path: string, content: string, options: { executable?: boolean; mtimeNs?: bigint } = {}) {
  const sha256 = Buffer.from(content).toString('hex').padEnd(64, '0').slice(0, 64)
  const { executable = false, mtimeNs = 1n } = options
  return { kind: 'file', path, sizeBytes: content.length, mtimeNs, sha256, executable } as const
}

export function folder(path: string): ManifestEntry {
  return { kind: 'folder', path }
}

export function link(path: string, linkTarget: string): ManifestEntry {
  return { kind: 'symlink', path, mtimeNs: 1n, linkTarget }
}

export function sorted(entries: readonly ManifestEntry[]): ManifestEntry[] {
  return entries.toSorted((a, b) => comparePaths(a.path as RelativePath, b.path as RelativePath))
}

/** The text of a manifest, as it would be written. */
export function manifestText(entries: readonly ManifestEntry[], problems: readonly ManifestProblem[] = []): string {
  const lines = [entries.map((entry) => entryLine(entry)), problems.map((problem) => problemLine(problem))] as const
  const [list, trouble] = lines.map((some) => (some.length === 0 ? '' : `${some.join(',\n')}\n`))
  const totals = { files: 0, folders: 0, links: 0, bytes: 0 }
  return `${headLine({ folder: '/f', createdAtMs: 0 })}${list}${problemsLine}${trouble}${endLine(totals)}`
}

export async function* inChunks(text: string, chunkBytes = Infinity): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  const step = Math.min(chunkBytes, Math.max(bytes.length, 1))
  for (let at = 0; at < bytes.length; at += step) yield await Promise.resolve(bytes.subarray(at, at + step))
}

/** Reads a text to its end. */
export async function readText(text: string, chunkBytes = Infinity): Promise<ManifestPart> {
  const entries: ManifestEntry[] = []
  const problems: ManifestProblem[] = []
  for await (const part of readManifest(inChunks(text, chunkBytes), { name: 'it' })) {
    entries.push(...part.entries)
    problems.push(...part.problems)
  }
  return { entries, problems }
}

const aName = fc.constantFrom('a', 'b', 'c', 'a-b', 'é', 'e\u0301', '\u{1f600}', '"', 'x\ny', '\\', ',"blocks":[')

interface Drawn {
  readonly names: readonly string[]
  readonly kind: ManifestEntry['kind']
  readonly content: string
  readonly executable: boolean
}

/** A tree as a manifest lists it: folders before what they hold, in path order. */
export const aTree = fc
  .array(
    fc.record({
      names: fc.array(aName, { minLength: 1, maxLength: 4 }),
      kind: fc.constantFrom('file' as const, 'file' as const, 'folder' as const, 'symlink' as const),
      content: fc.constantFrom('', '1', '22', '33', '444'),
      executable: fc.boolean(),
    }),
    { maxLength: 14 },
  )
  .map((drawn) => treeOf(drawn))

function treeOf(drawn: readonly Drawn[]): ManifestEntry[] {
  const entries = new Map<string, ManifestEntry>()
  for (const { names, kind, content, executable } of drawn) {
    const parents = names.slice(0, -1).map((_, i) => names.slice(0, i + 1).join('/'))
    if (parents.some((parent) => (entries.get(parent)?.kind ?? 'folder') !== 'folder')) continue
    const path = names.join('/')
    if (entries.has(path)) continue
    for (const parent of parents) entries.set(parent, folder(parent))
    if (kind === 'folder') entries.set(path, folder(path))
    else entries.set(path, kind === 'file' ? file(path, content, { executable }) : link(path, content || '.'))
  }
  return sorted([...entries.values()])
}
