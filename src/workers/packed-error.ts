import { DiskError } from '../disk/disk-error.ts'
import { AssertionError, errorText, P2psyncError, systemCode, type ErrorCode } from '../model/errors.ts'

/** An error on its way to another thread: cloning one would lose its code and class. */
export interface PackedError {
  readonly type: 'p2psync' | 'disk' | 'assertion' | 'bug'
  readonly code: string
  readonly message: string
  readonly hint: string
  readonly stack: string
}

export function packError(error: unknown): PackedError {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  const plain = { message: errorText(error), stack, code: '', hint: '' }
  if (error instanceof P2psyncError) return { ...plain, type: 'p2psync', code: error.code, hint: error.hint }
  if (error instanceof AssertionError) return { ...plain, type: 'assertion' }
  const code = systemCode(error)
  // What Node says of wrong arguments is a bug of ours.
  if (code === '' || code.startsWith('ERR_')) return { ...plain, type: 'bug', code }
  return { ...plain, type: 'disk', code }
}

/** An error of the same class and code; its stack is that of the other thread. */
export function unpackError(packed: PackedError): Error {
  const error = make(packed)
  if (packed.stack !== '') error.stack = packed.stack
  return error
}

function make({ type, code, message, hint }: PackedError): Error {
  if (type === 'p2psync') return new P2psyncError(code as ErrorCode, message, { hint })
  if (type === 'disk') return new DiskError(code, '', message)
  return type === 'assertion' ? new AssertionError(message) : new Error(message)
}
