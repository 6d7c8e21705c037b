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

/**
 * Checks and stages the blocks of a reply to a request for `blocks`, and gives its frame back to the client.
 *
 * @throws what the disk throws.
 */
export async function stageReply(
  blocks: readonly FetchBlock[],
  { reply, client, tasks }: { reply: BlockReply; client: Pick<BlockClient, 'reuse'>; tasks: FileTasks },
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
