import { applyMutations } from './apply.ts'
import { blockMutations } from './blocks.ts'
import { committerMutations } from './committer.ts'
import { decisionMutations } from './decisions.ts'
import { diskMutations } from './disk.ts'
import { doctorMutations } from './doctor.ts'
import { doorMutations } from './door.ts'
import { indexMutations } from './file-index.ts'
import { guardMutations } from './guard.ts'
import { guardWaitingMutations } from './guard-waiting.ts'
import { historyMutations } from './history.ts'
import { knownDamageMutations } from './known-damage.ts'
import { localChangeMutations } from './local-changes.ts'
import type { Mutation } from './mutation.ts'
import { peerMutations } from './peers.ts'
import { removedTreeMutations } from './removed-tree.ts'
import { scrubMutations } from './scrub.ts'
import { secondLookMutations } from './second-looks.ts'

/** All seeded bugs, in the order of the rooms. `node scripts/mutate.ts` tries them one by one. */
export const mutations: readonly Mutation[] = [
  ...decisionMutations,
  ...blockMutations,
  ...indexMutations,
  ...applyMutations,
  ...removedTreeMutations,
  ...diskMutations,
  ...localChangeMutations,
  ...committerMutations,
  ...guardMutations,
  ...guardWaitingMutations,
  ...historyMutations,
  ...secondLookMutations,
  ...scrubMutations,
  ...knownDamageMutations,
  ...doorMutations,
  ...peerMutations,
  ...doctorMutations,
]
