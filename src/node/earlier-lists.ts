import { decodeBlockList } from '../blocks/block-list.ts'
import { chunkParameters } from '../blocks/chunk-parameters.ts'
import type { FolderIndex } from '../file-index/folder-index.ts'
import { isSingleBlock } from '../model/file-record.ts'
import type { HashRequest } from '../ports/file-tasks.ts'

/** Smaller files are cut faster than a list is found. */
const sizeBytesMin = 1024 * 1024

/** Gives each large file along the block list of the version that the index knows, where that was cut in the same way. */
export async function withEarlierLists(
  files: readonly HashRequest[],
  index: Pick<FolderIndex, 'getMany' | 'blockList'>,
): Promise<readonly HashRequest[]> {
  const large = files.filter(({ disk }) => disk.sizeBytes >= sizeBytesMin)
  if (large.length === 0) return files
  const rows = await index.getMany(large.map(({ path }) => path))
  const lists = new Map<HashRequest, Uint8Array>()
  for (const [i, file] of large.entries()) {
    const record = rows[i]?.record
    if (record === undefined || record.content === '' || isSingleBlock(record.sizeBytes)) continue
    const [before, now] = [chunkParameters(record.sizeBytes), chunkParameters(file.disk.sizeBytes)]
    const list = before.averageBytes === now.averageBytes ? await index.blockList(record.content) : null
    if (list !== null && isListOf(list, record.sizeBytes)) lists.set(file, list)
  }
  return files.map((file) => {
    const earlier = lists.get(file)
    return earlier === undefined ? file : { path: file.path, disk: file.disk, earlier }
  })
}

/** The database does not check what it reads. */
function isListOf(encoded: Uint8Array, sizeBytes: number): boolean {
  try {
    const list = decodeBlockList(encoded, sizeBytes)
    const { maxBytes } = chunkParameters(sizeBytes)
    for (let i = 0; i < list.count; i++) if (list.lengthAt(i) > maxBytes) return false
    return true
  } catch {
    return false
  }
}
