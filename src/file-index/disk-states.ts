import { nodeIndexFor, type MerkleTree } from '../merkle/merkle-tree.ts'
import type { DiskState } from '../model/disk-state.ts'
import { pathKey, type RelativePath } from '../model/relative-path.ts'
import type { KeyValueStore, StoreOperation } from '../ports/key-value-store.ts'
import { pageKey } from './index-keys.ts'
import { keyText } from './key-text.ts'
import { decodePage, encodePage } from './leaf-page.ts'
import { withDisk } from './row-codec.ts'

/** What the disk looks like where the record stays as it is. */
export interface DiskChange {
  readonly path: RelativePath
  readonly disk: DiskState | null
}

/** What writes the disk states into their rows; paths without a row are left out. `tree` is that of the database. */
export async function planDiskStates(
  store: KeyValueStore,
  tree: MerkleTree,
  changes: readonly DiskChange[],
): Promise<StoreOperation[]> {
  const leaves = tree.levels[0]!
  const touched = new Map<number, Map<string, DiskState | null>>()
  for (const { path, disk } of changes) {
    const key = pathKey(path)
    const leaf = nodeIndexFor(leaves, key)
    let states = touched.get(leaf)
    if (states === undefined) touched.set(leaf, (states = new Map()))
    states.set(keyText(key), disk)
  }
  const keys = Array.from(touched.keys(), (leaf) => pageKey(leaves[leaf]!.firstKey))
  const pages = await store.getMany(keys)
  return [...touched.values()].flatMap((states, i): StoreOperation[] => {
    if (pages[i] === undefined) return []
    const { end, entries } = decodePage(pages[i])
    const updated = entries.map((entry) => {
      const disk = states.get(keyText(entry.key))
      return disk === undefined ? entry : { ...entry, row: withDisk(entry.row, disk) }
    })
    return [{ type: 'put', key: keys[i]!, value: encodePage(end, updated) }]
  })
}
