import type { Mutation } from './mutation.ts'

/** In `apply`: a folder that is removed as one. */
export const removedTreeMutations: readonly Mutation[] = [
  {
    name: 'folder-goes-that-holds-less-than-it-should',
    file: 'src/apply/remove-tree.ts',
    text: 'return seen === known.size',
    bug: 'return seen <= known.size',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'folder-is-lost-when-the-look-at-it-fails',
    file: 'src/apply/remove-tree.ts',
    text: '  } catch (error) {\n    putBack(disk, away, target)\n',
    bug: '  } catch (error) {\n',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'folder-is-put-back-over-another',
    file: 'src/apply/remove-tree.ts',
    text: 'if (disk.lstat(target) === null) disk.rename(away, target)',
    bug: 'disk.rename(away, target)',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'folder-that-came-in-between-goes',
    file: 'src/apply/remove-tree.ts',
    text: 'isSameFolder(disk, away, expect) && ',
    bug: '',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'place-of-a-removed-folder-is-not-flushed',
    file: 'src/apply/remove-tree.ts',
    text: '  touched.nameIn(target)\n',
    bug: '',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'history-of-a-removed-folder-is-not-flushed',
    file: 'src/apply/remove-tree.ts',
    text: '  touched.nameIn(away)\n',
    bug: '',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
  {
    name: 'name-that-is-no-text-goes-with-its-folder',
    file: 'src/apply/remove-tree.ts',
    text: 'const expect = name === null ? null : known.stateOf(path)\n      if (expect === null) return false',
    bug: 'if (name === null) continue\n      const expect = known.stateOf(path)\n      if (expect === null) return false',
    caughtBy: ['test/apply/remove-tree.test.ts'],
  },
]
