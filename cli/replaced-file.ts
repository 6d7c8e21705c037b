import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { errorText, P2psyncError } from '../src/model/errors.ts'

/**
 * A file that is written beside its place and takes it at the end: a reader sees the old one or the whole new one.
 *
 * Everything throws {@link P2psyncError} `disk-failed` when the disk refuses.
 */
export class ReplacedFile {
  readonly path: string
  readonly temporaryPath: string
  #handle: number | null = null

  /** `path` is absolute. */
  constructor(path: string) {
    this.path = path
    this.temporaryPath = join(dirname(path), `.${basename(path)}.${process.pid}.part`)
  }

  write(bytes: Uint8Array): void {
    this.#attempt(() => {
      this.#handle ??= openSync(this.temporaryPath, 'w')
      for (let at = 0; at < bytes.length;) at += writeSync(this.#handle, bytes, at)
    })
  }

  /** Puts what was written in its place, durably. */
  commit(): void {
    this.#attempt(() => {
      if (this.#handle === null) return
      fsyncSync(this.#handle)
      closeSync(this.#handle)
      this.#handle = null
      renameSync(this.temporaryPath, this.path)
    })
  }

  /** Takes away what was written and not committed. */
  discard(): void {
    if (this.#handle === null) return
    closeSync(this.#handle)
    this.#handle = null
    rmSync(this.temporaryPath, { force: true })
  }

  #attempt(act: () => void): void {
    try {
      act()
    } catch (error) {
      throw new P2psyncError('disk-failed', `${this.path} cannot be written: ${errorText(error)}`, { cause: error })
    }
  }
}
