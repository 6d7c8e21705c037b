import type { RelativePath } from '../model/relative-path.ts'

/** What SQLite keeps beside a database: its log, that log's index, and what a transaction that fails puts back. */
const suffixes = ['-wal', '-shm', '-journal'] as const

/** The database that a file beside it belongs to; any other path is its own. */
export function databaseOf(path: RelativePath): RelativePath {
  for (const suffix of suffixes) {
    const end = path.length - suffix.length
    if (path.endsWith(suffix) && end > 0 && path.charCodeAt(end - 1) !== slash) {
      return path.slice(0, end) as RelativePath
    }
  }
  return path
}

/** A database, then all that may be beside it. */
export function databaseFiles(database: RelativePath): RelativePath[] {
  return [database, ...suffixes.map((suffix) => `${database}${suffix}` as RelativePath)]
}

const slash = 47
