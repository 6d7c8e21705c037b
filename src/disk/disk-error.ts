/**
 * What a file system refuses, with the system's `code`: for what a disk of ours finds out itself, so that callers need
 * not know whether the kernel or we said it.
 */
export class DiskError extends Error {
  override readonly name = 'DiskError'
  readonly code: string

  /** The message is `text`, or is made of `code` and `what`, as the system does it. */
  constructor(code: string, what: string, text = `${code}: ${what}`) {
    super(text)
    this.code = code
  }
}
