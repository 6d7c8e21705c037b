import type { Mutation } from './mutation.ts'

/** In `blocks`: between bytes and blocks. */
export const blockMutations: readonly Mutation[] = [
  {
    name: 'block-of-a-peer-is-taken-without-its-hash',
    file: 'src/blocks/stage-blocks.ts',
    text: ' && hashBlock(bytes.subarray(at, at + length)) === hash',
    bug: " && hash !== ''",
    caughtBy: ['test/blocks/stage-blocks.test.ts'],
  },
  {
    name: 'block-of-this-disk-is-copied-without-its-hash',
    file: 'src/blocks/stage-blocks.ts',
    text: 'hashBlock(target) === block.hash',
    bug: 'target.length === block.length',
    caughtBy: ['test/blocks/stage-blocks.test.ts'],
  },
  {
    name: 'block-is-served-without-its-hash',
    file: 'src/blocks/read-blocks.ts',
    text: ' && hashBlock(target) === request.hash',
    bug: " && request.hash !== ''",
    caughtBy: ['test/blocks/read-blocks.test.ts'],
  },
  {
    name: 'served-array-has-bytes-of-an-earlier-use',
    file: 'src/blocks/read-blocks.ts',
    text: 'const read = length === bytes.length ? bytes : bytes.slice(0, length)',
    bug: 'const read = bytes',
    caughtBy: ['test/blocks/read-blocks.test.ts'],
  },
  {
    name: 'torn-block-of-an-earlier-try-is-kept',
    file: 'src/blocks/check-staged.ts',
    text: ' && hashBlock(block) === blocks.hashAt(i)) held[i] = 1',
    bug: ') held[i] = 1',
    caughtBy: ['test/blocks/check-staged.test.ts'],
  },
  {
    name: 'zeros-are-not-written-over-what-was-staged',
    file: 'src/blocks/check-staged.ts',
    text: 'if (!isRead || !isZeros(block)) file.disk.write(',
    bug: 'if (!isRead) file.disk.write(',
    caughtBy: ['test/blocks/check-staged.test.ts'],
  },
  {
    name: 'small-file-that-changed-while-it-was-read',
    file: 'src/blocks/hash-file.ts',
    text: 'if (!isWhole || !isStill(disk.fstat(handle), expected))',
    bug: 'if (!isWhole)',
    caughtBy: ['test/blocks/hash-file.test.ts'],
  },
  {
    name: 'large-file-that-changed-while-it-was-read',
    file: 'src/blocks/hash-file.ts',
    text: "if (hashed === 'short' || !isStill(run.disk.fstat(handle), expected))",
    bug: "if (hashed === 'short')",
    caughtBy: ['test/blocks/hash-file.test.ts'],
  },
  {
    name: 'block-list-of-a-peer-has-endless-blocks',
    file: 'src/blocks/block-list.ts',
    text: 'if (length === 0 || length > blockBytesMax)',
    bug: 'if (length === 0)',
    caughtBy: ['test/blocks/block-list.test.ts'],
  },
  {
    name: 'block-list-and-size-disagree',
    file: 'src/blocks/block-list.ts',
    text: 'if (list.offsetAt(list.count) !== sizeBytes)',
    bug: 'if (list.offsetAt(list.count) < sizeBytes)',
    caughtBy: ['test/blocks/block-list.test.ts'],
  },
  {
    name: 'staged-file-that-vanished-begins-anew',
    file: 'src/blocks/staged-file.ts',
    text: 'this.#handle = isResumableName(staged)\n',
    bug: "this.#handle = isResumableName('')\n",
    caughtBy: ['test/blocks/stage-blocks.test.ts', 'test/blocks/check-staged.test.ts'],
  },
  {
    name: 'block-is-read-through-a-symlink',
    file: 'src/blocks/source-reader.ts',
    text: "?.kind === 'folder'",
    bug: "?.kind !== 'file'",
    caughtBy: ['test/blocks/read-blocks.test.ts', 'test/blocks/stage-blocks.test.ts'],
  },
]
