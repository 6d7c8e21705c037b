import type { Mutation } from './mutation.ts'

/** In `node`: what is known to be damaged before a scrub has looked. */
export const knownDamageMutations: readonly Mutation[] = [
  {
    name: 'damage-is-told-to-the-index-before-it-is-noted',
    file: 'src/node/known-damage.ts',
    text: '    if (news.length > 0) await this.#note(news)\n    await tellIndex()\n',
    bug: '    await tellIndex()\n    if (news.length > 0) await this.#note(news)\n',
    caughtBy: ['test/node/known-damage.test.ts'],
  },
  {
    name: 'damage-that-nobody-took-is-forgotten',
    file: 'src/node/known-damage.ts',
    text: 'for (const path of taken) this.#paths.delete(path)',
    bug: 'this.#paths.clear()',
    caughtBy: ['test/node/known-damage.test.ts'],
  },
  {
    name: 'damage-is-not-noted',
    file: 'src/node/known-damage.ts',
    text: 'if (news.length > 0) await this.#note(news)',
    bug: 'void news',
    caughtBy: ['test/node/cut-off.test.ts'],
  },
  {
    name: 'sure-damage-is-doubted-after-a-start',
    file: 'src/node/scrub-folder.ts',
    text: '      this.#sure.add(path)\n    }\n',
    bug: '    }\n',
    caughtBy: ['test/node/scrub.test.ts'],
  },
  {
    name: 'damage-that-could-not-be-noted-counts-as-noted',
    file: 'src/node/known-damage.ts',
    text: 'for (const path of news) this.#paths.delete(path)',
    bug: '',
    caughtBy: ['test/node/known-damage.test.ts'],
  },
  {
    name: 'damage-stays-behind-when-a-peer-moves-its-folder',
    file: 'src/node/take-move.ts',
    text: 'await damage.follow(changes, () => index.commit(changes, { durable: true, move }))',
    bug: 'void damage\n  await index.commit(changes, { durable: true, move })',
    caughtBy: ['test/node/moved-damage.test.ts'],
  },
  {
    name: 'damage-stays-behind-when-it-is-moved-here',
    file: 'src/node/local-commits.ts',
    text: 'await damage.follow(changes, () => index.commit(changes, move === undefined ? {} : { move }))',
    bug: 'void damage\n    await index.commit(changes, move === undefined ? {} : { move })',
    caughtBy: ['test/node/moved-damage.test.ts'],
  },
  {
    name: 'damage-stays-behind-when-a-peer-moves-it',
    file: 'src/node/change-committer.ts',
    text: 'await this.#deps.damage.follow(changes, () => index.commit(changes, { durable: true, clearIntents }))',
    bug: 'await index.commit(changes, { durable: true, clearIntents })',
    caughtBy: ['test/node/moved-damage.test.ts'],
  },
  {
    name: 'damage-that-somebody-looks-after-stays-behind',
    file: 'src/node/known-damage.ts',
    text: ', ...(this.#keeper?.damaged() ?? [])',
    bug: '',
    caughtBy: ['test/node/known-damage.test.ts'],
  },
  {
    name: 'damage-is-noted-at-its-new-place-after-the-commit',
    file: 'src/node/known-damage.ts',
    text: 'return moved.length === 0 ? commit() : this.add(moved, commit)',
    bug: 'return commit().then(() => this.add(moved, async () => undefined))',
    caughtBy: ['test/node/known-damage.test.ts'],
  },
]
