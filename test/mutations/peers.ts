import type { Mutation } from './mutation.ts'

/** In `node`: what peers are believed. */
export const peerMutations: readonly Mutation[] = [
  {
    name: 'frame-of-any-length-is-set-aside-for',
    file: 'src/node/frame-assembly.ts',
    text: 'if (length > this.#frameBytesMax)',
    bug: 'if (length < 0)',
    caughtBy: ['test/node/frame-assembly.test.ts'],
  },
  {
    name: 'second-part-of-a-frame-goes-over-the-first',
    file: 'src/node/frame-assembly.ts',
    text: 'body.set(part, this.#bodyFilled)',
    bug: 'body.set(part, 0)',
    caughtBy: ['test/node/frame-assembly.test.ts'],
  },
  {
    name: 'cut-off-frame-is-an-orderly-end',
    file: 'src/node/frame-stream.ts',
    text: 'if (this.#peerEnded && this.#assembly.pendingBytes === 0) this.#ended = true',
    bug: 'if (this.#peerEnded) this.#ended = true',
    caughtBy: ['test/node/frame-stream.test.ts'],
  },
  {
    name: 'stream-is-never-paused',
    file: 'src/node/frame-stream.ts',
    text: "if (this.#stream.readStatus === 'readable') this.#stream.pause()",
    bug: '',
    caughtBy: ['test/node/frame-stream.test.ts'],
  },
  {
    name: 'replies-are-taken-out-of-order',
    file: 'src/node/block-client.ts',
    text: 'const pending = this.#pending.shift()',
    bug: 'const pending = this.#pending.pop()',
    caughtBy: ['test/node/block-client.test.ts'],
  },
  {
    name: 'reply-that-nobody-asked-for-is-passed-over',
    file: 'src/node/block-client.ts',
    text: 'if (pending === undefined || frame.length > blockFrameBytesMax) {',
    bug: 'if (pending === undefined) continue\n        if (frame.length > blockFrameBytesMax) {',
    caughtBy: ['test/node/block-client.test.ts'],
  },
  {
    name: 'write-role-is-not-proved',
    file: 'src/node/prove-folders.ts',
    text: 'return member && writer ? slot :',
    bug: 'return member || writer ? slot :',
    caughtBy: ['test/node/prove-folders.test.ts'],
  },
  {
    name: 'proof-is-replayed',
    file: 'src/node/prove-folders.ts',
    text: '  for (const nonce of nonces) hash.update(nonce)\n',
    bug: '',
    caughtBy: ['test/node/prove-folders.test.ts'],
  },
  {
    name: 'restored-database-is-not-noticed',
    file: 'src/node/peer-session.ts',
    text: 'if (isAhead) await this.#host.onRestoredDatabase()',
    bug: '',
    caughtBy: ['test/node/peer-session.test.ts'],
  },
  {
    name: 'progress-is-saved-before-it-is-made',
    file: 'src/node/peer-session.ts',
    text: '    if (!this.#host.isSettledWith(this.peer)) return\n',
    bug: '',
    caughtBy: ['test/node/peer-session.test.ts'],
  },
  {
    name: 'part-of-a-change-is-taken-for-the-whole',
    file: 'src/node/log-sender.ts',
    text: 'const reached = last ? toSeq : this.sentSeq',
    bug: 'const reached = toSeq',
    caughtBy: ['test/node/peer-session.test.ts'],
  },
  {
    name: 'synced-is-said-of-different-trees',
    file: 'src/node/root-agreement.ts',
    text: 'return Buffer.compare(theirs, this.#index.summary.hash) === 0',
    bug: 'return theirs.length === 32',
    caughtBy: ['test/node/peer-session.test.ts', 'test/node/replica-forget.test.ts'],
  },
]
