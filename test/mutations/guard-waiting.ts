import type { Mutation } from './mutation.ts'

/** In `node`: what the change guard lets wait, how it is counted, and what comes of it. */
export const guardWaitingMutations: readonly Mutation[] = [
  {
    name: 'what-a-program-goes-on-removing-is-told-in-parts',
    file: 'src/node/loss-burst.ts',
    text: 'if (limits === null || room <= 0) return false',
    bug: 'if (limits === null || room > 0) return false',
    caughtBy: ['test/node/guard-batches.test.ts'],
  },
  {
    name: 'rewrites-that-wait-are-moved-as-what-they-were',
    file: 'src/node/pair-moves.ts',
    text: ' || isRewritten) continue',
    bug: ') continue',
    caughtBy: ['test/node/change-guard.test.ts'],
  },
  {
    name: 'burst-of-losses-is-forgotten-after-each-look',
    file: 'src/node/loss-burst.ts',
    text: 'this.#atMs = this.#clock.monotonic()',
    bug: 'this.#atMs = Number.NEGATIVE_INFINITY',
    caughtBy: ['test/node/guard-batches.test.ts'],
  },
  {
    name: 'what-waits-in-a-folder-that-waits-counts-twice',
    file: 'src/node/change-guard.ts',
    text: 'if (isCounted(path)) waiting.delete(path)',
    bug: 'if (isCounted(path)) waiting.has(path)',
    caughtBy: ['test/node/guard-rules.test.ts'],
  },
  {
    name: 'approval-that-cannot-be-noted-lets-nothing-through',
    file: 'src/node/folder-guard.ts',
    text: "            deps.logger?.warn('what is held could not be noted', { error: errorText(error) })\n",
    bug: '            throw error\n',
    caughtBy: ['test/node/change-guard.test.ts'],
  },
  {
    name: 'what-waits-for-a-person-holds-up-retries-after-a-full-disk',
    file: 'src/node/remote-changes.ts',
    text: 'now < this.#pausedUntil ? this.#pausedUntil : this.needs.nextRetryAt(now)',
    bug: 'Math.max(this.needs.nextRetryAt(now) ?? 0, this.#pausedUntil)',
    caughtBy: ['test/node/guard-batches.test.ts'],
  },
  {
    name: 'what-a-job-has-in-hands-while-a-person-rejects-waits-for-ever',
    file: 'src/node/guard-decisions.ts',
    text: '      if (hasHeld(this.#deps.needs())) await this.#keepOurs()\n',
    bug: '      void hasHeld\n',
    caughtBy: ['test/simulation/simulation.test.ts'],
  },
  {
    name: 'who-asks-to-have-a-file-back-forgets-what-others-have-there',
    file: 'src/node/guard-decisions.ts',
    text: 'if (needs.at(record.path).length > 0) return',
    bug: 'void record',
    caughtBy: ['test/simulation/simulation.test.ts'],
  },
]
