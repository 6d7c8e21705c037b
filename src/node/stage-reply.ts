import type { FetchBlock } from '../blocks/plan-fetch.ts'
import type { FileTasks, StagedBlock } from '../ports/file-tasks.ts'
import type { BlockClient } from './block-client.ts'
import type { BlockReply } from './block-messages.ts'

/** What did not come with a reply; all other blocks are staged. */
export interface StagedReply {
  /** The peer does not have them. */
  readonly missing: ReadonlySet<FetchBlock>
  /** Their bytes are not what they should be. */
  readonly wrong: ReadonlySet<FetchBlock>
}

export interface StageReplyOptions {
  readonly reply: BlockReply
  readonly client: Pick<BlockClient, 'reuse'>
  readonly tasks: FileTasks
  readonly isWanted?: (block: FetchBlock) => boolean
}

/**
 * Checks and stages the blocks of a reply to a request for `blocks`, and gives its frame back to the client. Those that are
 * not wanted any more are left out, as if the peer did not have them: their file may have been cleared away.
 *
 * @throws what the disk throws.
 */
export async function stageReply(
  blocks: readonly FetchBlock[],
  { reply, client, tasks, isWanted = () => true }: StageReplyOptions,
): Promise<StagedReply> {
  const missing = new Set<FetchBlock>()
  const wrong = new Set<FetchBlock>()
  const staged: StagedBlock[] = []
  const owners: FetchBlock[] = []
  let at = reply.bytesAt
  for (const [i, block] of blocks.entries()) {
    if (reply.found[i] !== true || at + block.length > reply.bytesEnd) {
      missing.add(block)
      continue
    }
    const { length, hash } = block
    if (!isWanted(block)) {
      missing.add(block)
      at += length
      continue
    }
    staged.push({ staged: block.staged, offset: block.offset, length, hash, at })
    owners.push(block)
    for (const offset of block.alsoAt) {
      staged.push({ staged: block.staged, offset, length, hash, at })
      owners.push(block)
    }
    at += length
  }
  if (staged.length === 0) return { missing, wrong }
  const { good, bytes } = await tasks.stageBlocks(staged, reply.frame, reply.packed)
  await client.reuse(bytes)
  for (const [i, owner] of owners.entries()) if (good[i] !== true) wrong.add(owner)
  return { missing, wrong }
}
