import type { Mutation } from './mutation.ts'

/** In `disk` and `watcher`: what the disk is asked, and what is made of its answers. */
export const diskMutations: readonly Mutation[] = [
  {
    name: 'symlink-is-opened',
    file: 'src/disk/node-disk.ts',
    text: 'const regularFlags = O_NOFOLLOW | O_NONBLOCK | O_NOCTTY',
    bug: 'const regularFlags = O_NONBLOCK | O_NOCTTY',
    caughtBy: ['test/disk/node-disk.test.ts'],
  },
  {
    name: 'symlink-to-a-folder-is-listed',
    file: 'src/disk/node-disk.ts',
    text: 'return withOpen(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, (handle) => readNames(',
    bug: 'return withOpen(path, O_RDONLY | O_DIRECTORY, (handle) => readNames(',
    caughtBy: ['test/disk/node-disk.test.ts'],
  },
  {
    name: 'file-is-made-over-another',
    file: 'src/disk/node-disk.ts',
    text: 'O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW',
    bug: 'O_RDWR | O_CREAT | O_NOFOLLOW',
    caughtBy: ['test/disk/node-disk.test.ts'],
  },
  {
    name: 'fifo-is-taken-for-a-file',
    file: 'src/disk/node-disk.ts',
    text: 'if (unchecked || fs.fstatSync(handle).isFile()) return',
    bug: 'if (unchecked || !fs.fstatSync(handle).isDirectory()) return',
    caughtBy: ['test/disk/node-disk.test.ts'],
  },
  {
    name: 'what-cannot-be-read-is-not-unknown',
    file: 'src/watcher/list-tree.ts',
    text: '    this.#unknown.push(path)\n',
    bug: '',
    caughtBy: ['test/watcher/scan-folder.test.ts'],
  },
  {
    name: 'other-file-system-is-entered',
    file: 'src/watcher/look-at-entry.ts',
    text: 'if (itsFileSystem !== null && fileSystem !== null && itsFileSystem !== fileSystem)',
    bug: 'if (itsFileSystem !== null && fileSystem !== null && itsFileSystem === -1n)',
    caughtBy: ['test/watcher/scan-folder.test.ts', 'test/watcher/lstat-paths.test.ts'],
  },
  {
    name: 'look-goes-through-a-symlinked-parent',
    file: 'src/watcher/look-at-entry.ts',
    text: "if (look.outcome !== 'found' || look.disk.kind !== 'folder') return absent",
    bug: "if (look.outcome !== 'found') return absent",
    caughtBy: ['test/watcher/lstat-paths.test.ts'],
  },
  {
    name: 'escaping-symlink-is-published',
    file: 'src/watcher/look-at-entry.ts',
    text: "if (problem !== null) return { outcome: 'unsynced', reason: problem }",
    bug: '',
    caughtBy: ['test/watcher/scan-folder.test.ts', 'test/watcher/lstat-paths.test.ts'],
  },
  {
    name: 'hints-beyond-the-bound-are-lost',
    file: 'src/watcher/hint-queue.ts',
    text: 'if (this.#paths.size >= hintPathsMax) this.addOverflow()',
    bug: 'if (this.#paths.size >= hintPathsMax) return',
    caughtBy: ['test/watcher/hint-queue.test.ts'],
  },
  {
    name: 'name-is-normalised-over-another',
    file: 'src/watcher/list-folder.ts',
    text: 'else if (!isSameEntry(disk, from, to)) return takenReason',
    bug: 'else disk.rename(from, to)',
    caughtBy: ['test/watcher/scan-folder.test.ts'],
  },
]
