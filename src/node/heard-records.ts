import type { FileRecord } from '../model/file-record.ts'
import type { RelativePath } from '../model/relative-path.ts'

const heardMax = 20_000
/** Longer ones are not worth their memory: they are sent back once. */
const charactersMax = 1000

/** The last records that a peer has told, which need not be sent back to it once they are ours. */
export class HeardRecords {
  readonly #heard = new Map<RelativePath, string>()

  remember(record: FileRecord): void {
    this.#heard.delete(record.path)
    const text = versionText(record)
    if (record.path.length + text.length > charactersMax) return
    this.#heard.set(record.path, text)
    if (this.#heard.size <= heardMax) return
    for (const oldest of this.#heard.keys()) {
      this.#heard.delete(oldest)
      return
    }
  }

  isHeard(record: FileRecord): boolean {
    return this.#heard.get(record.path) === versionText(record)
  }

  forget(path: RelativePath): void {
    this.#heard.delete(path)
  }

  /** True once for a record that was heard, whose path is then forgotten. */
  takeIfHeard(record: FileRecord): boolean {
    const heard = this.#heard.get(record.path)
    this.#heard.delete(record.path)
    return heard === versionText(record)
  }
}

function versionText(record: FileRecord): string {
  return `${record.writer} ${record.version.map(([writer, counter]) => `${writer}:${counter}`).join()}`
}
