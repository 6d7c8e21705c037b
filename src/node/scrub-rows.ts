import type { FolderIndex, IndexRow } from '../file-index/folder-index.ts'
import type { RelativePath } from '../model/relative-path.ts'

const rowsAtOnce = 200

/** The next rows; asked for anew each time, since a scrub takes hours and would hold the database in its old state. */
export async function rowsAfter(index: Pick<FolderIndex, 'rows'>, path: string): Promise<readonly IndexRow[]> {
  const range = path === '' ? {} : { from: path as RelativePath }
  for await (const page of index.rows(range)) {
    const rows = page.filter(({ record }) => record.path !== path).slice(0, rowsAtOnce)
    if (rows.length > 0) return rows
  }
  return []
}
