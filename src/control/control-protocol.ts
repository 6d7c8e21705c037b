import { P2psyncError, type ErrorCode } from '../model/errors.ts'

/** HTTP/1.1 with JSON on the control socket. This number changes when an older client could misread an answer. */
export const apiVersion = '1'

export const apiHeader = 'p2psync-api'
export const versionHeader = 'p2psync-version'
export const requestBytesMax = 64 * 1024

/** What the server answers when a call fails. */
export interface ErrorBody {
  readonly code: ErrorCode
  readonly message: string
  readonly hint: string
}

/** The error that the server meant by `value`, whatever it is. */
export function errorFromBody(value: unknown): P2psyncError {
  if (typeof value === 'object' && value !== null && 'code' in value && 'message' in value) {
    const hint = 'hint' in value && typeof value.hint === 'string' ? value.hint : ''
    return new P2psyncError(String(value.code) as ErrorCode, String(value.message), { hint })
  }
  return new P2psyncError('node-failed', 'the running node gave an answer that cannot be understood')
}
