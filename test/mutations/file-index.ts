import type { Mutation } from './mutation.ts'

/** In `file-index`: what the database says after a crash, and what it tells peers. */
export const indexMutations: readonly Mutation[] = [
  {
    name: 'database-never-waits-for-the-disk',
    file: 'src/file-index/level-store.ts',
    text: 'const sync = options.durable === true',
    bug: 'const sync = options.durable === undefined',
    caughtBy: ['test/file-index/durability.test.ts'],
  },
  {
    name: 'database-without-its-current-file-begins-anew',
    file: 'src/file-index/level-store.ts',
    text: 'if (await lacksCurrent(folderPath)) throw',
    bug: 'if (folderPath === String(await lacksCurrent(folderPath))) throw',
    caughtBy: ['test/file-index/level-store.test.ts'],
  },
  {
    name: 'commit-is-not-durable',
    file: 'src/file-index/folder-index.ts',
    text: 'durable: raised || options.durable === true',
    bug: 'durable: raised',
    caughtBy: ['test/file-index/durability.test.ts'],
  },
  {
    name: 'intent-is-not-durable',
    file: 'src/file-index/folder-index.ts',
    text: 'this.#store.batch(intentPuts(intents), { durable: true })',
    bug: 'this.#store.batch(intentPuts(intents))',
    caughtBy: ['test/file-index/durability.test.ts'],
  },
  {
    name: 'counter-is-reset-after-a-crash',
    file: 'src/file-index/index-head.ts',
    text: 'seq = Math.max(seq, decodeSeq(ceiling))',
    bug: 'seq = Math.min(seq, decodeSeq(ceiling))',
    caughtBy: ['test/file-index/folder-index.test.ts', 'test/file-index/torn-writes.test.ts'],
  },
  {
    name: 'tree-that-is-not-that-of-the-rows-is-believed',
    file: 'src/file-index/index-head.ts',
    text: 'if (decoded.root !== null && Buffer.compare(rootHash(tree), decoded.root) !== 0) {',
    bug: 'if (decoded.root !== null && decoded.root.length !== 32) {',
    caughtBy: ['test/file-index/folder-index.test.ts', 'test/file-index/torn-writes.test.ts'],
  },
  {
    name: 'restored-database-keeps-its-writer',
    file: 'src/file-index/folder-index.ts',
    text: 'this.#writer = makeWriterId(this.#deviceTag, incarnation)',
    bug: 'makeWriterId(this.#deviceTag, incarnation)',
    caughtBy: ['test/file-index/folder-index.test.ts'],
  },
  {
    name: 'first-of-two-changes-to-a-path-stays',
    file: 'src/file-index/commit-plan.ts',
    text: '    last.delete(change.record.path)\n',
    bug: '    if (last.has(change.record.path)) continue\n',
    caughtBy: ['test/file-index/folder-index.test.ts'],
  },
  {
    name: 'overtaken-change-is-told',
    file: 'src/file-index/sequence-log.ts',
    text: 'rowHead(row).seq === entries[i]!.seq',
    bug: 'rowHead(row).seq >= entries[i]!.seq',
    caughtBy: ['test/file-index/folder-index.test.ts', 'test/file-index/shorten-log.test.ts'],
  },
  {
    name: 'tombstone-that-lives-again-is-forgotten',
    file: 'src/file-index/forget-rows.ts',
    text: " || rowKind(row) !== 'tombstone' || rowHead(row).seq !== seq",
    bug: '',
    caughtBy: ['test/file-index/forget-rows.test.ts'],
  },
  {
    name: 'half-of-a-page-is-written-back',
    file: 'src/file-index/disk-states.ts',
    text: 'return disk === undefined ? entry : { ...entry, row: withDisk(entry.row, disk) }',
    bug: 'return { ...entry, row: withDisk(entry.row, disk ?? null) }',
    caughtBy: ['test/file-index/folder-index.test.ts'],
  },
]
