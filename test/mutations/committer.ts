import type { Mutation } from './mutation.ts'

/** In `node`: what a peer's records do to this disk, and what a restart makes of a kill. */
export const committerMutations: readonly Mutation[] = [
  {
    name: 'intent-is-not-written',
    file: 'src/node/change-committer.ts',
    text: 'if (intents.length > 0) await index.putIntents(intents)',
    bug: '',
    caughtBy: [
      'test/node/replica-faults.test.ts',
      'test/node/folder-replica.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'commit-of-an-apply-is-not-durable',
    file: 'src/node/change-committer.ts',
    text: '{ durable: true, clearIntents }',
    bug: '{ clearIntents }',
    caughtBy: [
      'test/node/replica-faults.test.ts',
      'test/node/folder-replica.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'decision-about-a-row-that-has-changed',
    file: 'src/node/change-committer.ts',
    text: 'if (rows[i]?.seq !== item.row?.seq) stale.add(item)',
    bug: 'if (rows.length < i) stale.add(item)',
    caughtBy: ['test/node/replica-random.test.ts'],
  },
  {
    name: 'apply-goes-on-without-the-marker',
    file: 'src/node/change-committer.ts',
    text: 'if (!(await this.#deps.isFolderThere())) return []',
    bug: '',
    caughtBy: ['test/node/replica-faults.test.ts', 'test/node/folder-replica.test.ts'],
  },
  {
    name: 'copy-of-a-loser-does-not-know-its-tombstone',
    file: 'src/node/change-committer.ts',
    text: 'version: advanceVersion(there?.version ?? [], index.writer, index.seq + 1)',
    bug: 'version: advanceVersion([], index.writer, index.seq + 1)',
    caughtBy: ['test/node/replica-random.test.ts'],
  },
  {
    name: 'failed-step-is-committed',
    file: 'src/node/change-committer.ts',
    text: "own.find((result) => result.outcome !== 'done')",
    bug: "own.find((result) => result.outcome === 'blocked')",
    caughtBy: [
      'test/node/replica-faults.test.ts',
      'test/node/folder-replica.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'folder-that-holds-something-is-not-published-anew',
    file: 'src/node/change-committer.ts',
    text: '    changes.push({ record: revived, disk })\n',
    bug: '',
    caughtBy: ['test/node/removals.test.ts', 'test/node/replica-random.test.ts'],
  },
  {
    name: 'every-intent-is-adopted',
    file: 'src/node/recover-folder.ts',
    text: "if (verdict === 'adopt') changes.push",
    bug: 'if (verdict !== null) changes.push',
    caughtBy: ['test/node/recover-folder.test.ts'],
  },
  {
    name: 'removal-of-a-folder-that-holds-more-than-the-peer-knew',
    file: 'src/node/take-move.ts',
    text: ' || Buffer.compare(moved.before, move.before) !== 0',
    bug: '',
    caughtBy: ['test/node/take-move.test.ts', 'test/node/removals.test.ts'],
  },
  {
    name: 'changed-counter-of-a-lost-life-is-not-noticed',
    file: 'src/node/remote-changes.ts',
    text: 'return counter > known && !this.#deps.forgetting.mayHaveForgotten(counter)',
    bug: 'return counter < 0 && known < 0',
    caughtBy: ['test/node/replica-random.test.ts', 'test/node/replica-faults.test.ts'],
  },
  {
    name: 'file-is-applied-though-its-bytes-are-not-durable',
    file: 'src/node/remote-changes.ts',
    text: '      failed.add(item)\n      this.#retry(item.need, `it could not be written',
    bug: '      this.#retry(item.need, `it could not be written',
    caughtBy: ['test/node/replica-faults.test.ts', 'test/node/replica-random.test.ts'],
  },
  {
    name: 'file-is-applied-though-blocks-are-missing',
    file: 'src/node/file-fetcher.ts',
    text: "for (const [file, reason] of missing) outcomes.set(file, { outcome: 'missing', reason })",
    bug: '',
    caughtBy: [
      'test/node/replica-faults.test.ts',
      'test/node/replica-random.test.ts',
      'test/node/replica-elsewhere.test.ts',
    ],
  },
  {
    name: 'block-that-was-sent-wrong-counts-as-there',
    file: 'src/node/peer-fetches.ts',
    text: 'const here = run.blocks.filter((block) => !missing.has(block) && !wrong.has(block))',
    bug: 'const here = run.blocks',
    caughtBy: ['test/node/peer-fetches.test.ts'],
  },
]
