import type { ManifestPart } from './manifest-entry.ts'
import type { TreeItem } from './walk-tree.ts'

/**
 * Of which files the content is taken for known: those that have the size and the time (to the nanosecond) that a
 * manifest says. Returns what gives the SHA-256 of such a file, '' for any other.
 *
 * Whoever changes a file and puts its time back is not noticed.
 */
export function knownFiles(parts: readonly ManifestPart[]): (item: TreeItem) => string {
  const files = new Map<string, { readonly sizeBytes: number; readonly mtimeNs: bigint; readonly sha256: string }>()
  for (const { entries } of parts) for (const entry of entries) if (entry.kind === 'file') files.set(entry.path, entry)
  return ({ path, disk }) => {
    const file = disk.kind === 'file' ? files.get(path) : undefined
    return file !== undefined && file.sizeBytes === disk.sizeBytes && file.mtimeNs === disk.mtimeNs ? file.sha256 : ''
  }
}
