/**
 * Operating trouble: something outside of us went wrong and a person can act on it.
 *
 * `code` is stable and meant for scripts, `message` says what happened to what, `hint` what to do next.
 */
export class P2psyncError extends Error {
  readonly code: ErrorCode
  readonly hint: string

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'P2psyncError'
    this.code = code
    this.hint = options.hint ?? ''
  }
}

export type ErrorCode =
  | 'usage'
  | 'bad-path'
  | 'bad-key'
  | 'bad-address'
  | 'bad-message'
  | 'bad-manifest'
  | 'wrong-key'
  | 'no-node'
  | 'node-failed'
  | 'home-busy'
  | 'folder-busy'
  | 'folder-missing'
  | 'folder-unreadable'
  | 'folder-nested'
  | 'folder-unknown'
  | 'folder-conflict'
  | 'port-busy'
  | 'disk-full'
  | 'disk-failed'
  | 'index-failed'
  /** What the database holds is not what was written: it is set aside and made anew. */
  | 'index-damaged'
  | 'peer-gone'
  | 'peer-unknown'
  | 'limit'

/** A bug of ours: thrown by `assert`, never caught to go on. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Throws an {@link AssertionError} when `condition` is false: for what must hold whatever the input. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The text of anything thrown. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** The system's code of anything thrown by `node:fs` or `node:net` (`ENOENT`, `ENOSPC`, ...), or ''. */
export function systemCode(error: unknown): string {
  if (typeof error !== 'object' || error === null || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
