import { P2psyncError } from './errors.ts'

/** A synced folder: 64 lowercase hex digits, derived one-way from its key. Never sent in clear. */
export type FolderId = string & { readonly __brand: 'FolderId' }

const shape = /^[0-9a-f]{64}$/

/** @throws {P2psyncError} `bad-message` when `text` is no folder id. */
export function parseFolderId(text: string): FolderId {
  if (!shape.test(text)) throw new P2psyncError('bad-message', `"${text.slice(0, 80)}" is not a folder id`)
  return text as FolderId
}
