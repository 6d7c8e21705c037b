import type { Mutation } from './mutation.ts'

/** In `node`: from what this disk shows to what is published. */
export const localChangeMutations: readonly Mutation[] = [
  {
    name: 'racily-clean-file-is-not-looked-at-again',
    file: 'src/node/local-commits.ts',
    text: 'const kept = racy ? { ...disk, ctimeNs: 0n } : disk',
    bug: 'const kept = disk',
    caughtBy: ['test/node/local-commits.test.ts', 'test/node/local-changes.test.ts'],
  },
  {
    name: 'racily-clean-file-waits-for-the-next-hint',
    file: 'src/node/local-commits.ts',
    text: 'if (racy) this.#deps.dirty.addLater(entry.path, timestampGrainMs * 4)',
    bug: '',
    caughtBy: ['test/node/local-commits.test.ts', 'test/node/local-changes.test.ts'],
  },
  {
    name: 'tombstone-without-its-content',
    file: 'src/node/local-commits.ts',
    text: 'basis: old === null ? noFingerprint : fingerprint(old),',
    bug: 'basis: noFingerprint,',
    caughtBy: [
      'test/node/local-commits.test.ts',
      'test/node/local-changes.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'removal-is-published-without-its-marker',
    file: 'src/node/local-commits.ts',
    text: '        if (!(await this.#deps.isFolderThere())) return false\n        const changes',
    bug: '        const changes',
    caughtBy: [
      'test/node/local-commits.test.ts',
      'test/node/local-changes.test.ts',
      'test/node/replica-faults.test.ts',
    ],
  },
  {
    name: 'removal-of-a-file-that-is-back',
    file: 'src/node/local-commits.ts',
    text: "if (looks[i]?.outcome !== 'absent' || row === undefined",
    bug: 'if (row === undefined',
    caughtBy: [
      'test/node/local-commits.test.ts',
      'test/node/local-changes.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'version-of-a-peer-is-published-as-an-edit',
    file: 'src/node/local-commits.ts',
    text: 'return (entry) => !changed.has(entry.path)',
    bug: 'return () => true',
    caughtBy: [
      'test/node/local-commits.test.ts',
      'test/node/local-changes.test.ts',
      'test/node/replica-random.test.ts',
    ],
  },
  {
    name: 'moved-file-is-still-at-its-old-place',
    file: 'src/node/local-commits.ts',
    text: "looks[i]?.outcome === 'absent' && rows[i]?.seq === from[i]!.seq",
    bug: 'looks[i] !== rows[i]',
    caughtBy: ['test/node/local-commits.test.ts', 'test/node/moves.test.ts'],
  },
  {
    name: 'unknown-is-taken-for-gone',
    file: 'src/node/scan-merge.ts',
    text: 'if (row.live && !this.#isUnknown(row.path)) gone.push',
    bug: 'if (row.live) gone.push',
    caughtBy: ['test/node/scan-merge.test.ts'],
  },
  {
    name: 'marker-of-another-folder-is-accepted',
    file: 'src/node/folder-presence.ts',
    text: ' && found.nonce === marker.nonce',
    bug: '',
    caughtBy: ['test/node/replica-faults.test.ts', 'test/node/folder-replica.test.ts'],
  },
  {
    name: 'inode-alone-makes-a-move',
    file: 'src/node/recognise-moves.ts',
    text: 'if (row !== undefined && isSameFile(row.disk!, disk)) files.set(path, row)',
    bug: 'if (row !== undefined) files.set(path, row)',
    caughtBy: ['test/node/recognise-moves.test.ts'],
  },
  {
    name: 'file-in-the-middle-of-a-write-is-taken',
    file: 'src/node/settling.ts',
    text: 'const restsSinceMs = before.state === state ? before.restsSinceMs : nowMs',
    bug: 'const restsSinceMs = before.restsSinceMs',
    caughtBy: ['test/node/settling.test.ts'],
  },
  {
    name: 'file-that-never-settles-waits-for-ever',
    file: 'src/node/settling.ts',
    text: 'Math.min(restsAtMs, held.sinceMs + longestMs)',
    bug: 'restsAtMs',
    caughtBy: ['test/node/settling.test.ts'],
  },
  {
    name: 'tombstone-that-a-peer-has-not-seen-is-forgotten',
    file: 'src/node/tombstone-age.ts',
    text: ' && tombstone.seq <= at.ackedSeq',
    bug: '',
    caughtBy: ['test/node/tombstone-age.test.ts', 'test/node/replica-forget.test.ts'],
  },
  {
    name: 'tombstones-are-forgotten-after-a-leap-of-the-clock',
    file: 'src/node/tombstone-age.ts',
    text: 'if (leapt) return { seenMs: nowMs, doubtedSinceMs: nowMs }',
    bug: '',
    caughtBy: ['test/node/tombstone-age.test.ts', 'test/node/replica-forget.test.ts'],
  },
]
