import { applyMutations } from './apply.ts'
import { blockMutations } from './blocks.ts'
import { committerMutations } from './committer.ts'
import { decisionMutations } from './decisions.ts'
import { diskMutations } from './disk.ts'
import { indexMutations } from './file-index.ts'
import { localChangeMutations } from './local-changes.ts'
import type { Mutation } from './mutation.ts'
import { peerMutations } from './peers.ts'

/** All seeded bugs, in the order of the rooms. `node scripts/mutate.ts` tries them one by one. */
export const mutations: readonly Mutation[] = [
  ...decisionMutations,
  ...blockMutations,
  ...indexMutations,
  ...applyMutations,
  ...diskMutations,
  ...localChangeMutations,
  ...committerMutations,
  ...peerMutations,
]
