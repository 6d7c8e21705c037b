import { entryBytes } from '../blocks/block-list.ts'
import { draftPartBytesMax, type DraftMessage } from './draft-message.ts'
import type { LocalDraft, LocalDrafts } from './local-drafts.ts'

/** What one peer has been told of this folder's drafts in one session, and what comes next. */
export class DraftTelling {
  readonly #drafts: Pick<LocalDrafts, 'current'>
  readonly #told = new Map<LocalDraft, { parts: number; blocks: number }>()

  constructor(drafts: Pick<LocalDrafts, 'current'>) {
    this.#drafts = drafts
  }

  /**
   * The next message for the peer, or null. To be asked only when the peer has been sent all records that are committed:
   * the end of a draft means that its record has been.
   */
  next(): DraftMessage | null {
    for (const draft of this.#told.keys()) {
      if (!draft.isOver) continue
      this.#told.delete(draft)
      return { ...draft, first: 0, blocks: new Uint8Array(0), isOver: true }
    }
    for (const draft of this.#drafts.current) {
      const told = this.#told.get(draft) ?? { parts: 0, blocks: 0 }
      if (told.parts === draft.parts.length) continue
      const first = told.blocks
      const blocks = takeParts(draft, told)
      this.#told.set(draft, told)
      return { ...draft, first, blocks, isOver: false }
    }
    return null
  }
}

/** As many parts as fit one message, at least one. */
function takeParts(draft: LocalDraft, told: { parts: number; blocks: number }): Uint8Array {
  const parts: Uint8Array[] = []
  let bytes = 0
  for (const part of draft.parts.slice(told.parts)) {
    if (parts.length > 0 && bytes + part.length > draftPartBytesMax) break
    parts.push(part)
    bytes += part.length
  }
  told.parts += parts.length
  told.blocks += bytes / entryBytes
  return Buffer.concat(parts)
}
