import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { noise, write } from '../e2e/write-files.ts'

/** The two folders of a pair in sync: changes are made to the sender's, and to the receiver's where both edit. */
export interface Folders {
  readonly sender: string
  readonly receiver: string
}

/** One kind of change that a node applies. Each round has bytes of its own, so that all have to be fetched. */
export interface Scenario {
  readonly name: string
  /** Gives the sender's folder the state that the change starts from, whatever an earlier round has left there. */
  readonly before: (sender: string, round: number) => void
  readonly change: (folders: Folders, round: number) => void
  /** A path may hold nothing for a moment: no call puts a folder in a file's place. */
  readonly leavesGap?: true
  /** Both edit: what the receiver had is found in a conflicted copy. */
  readonly conflicts?: true
  /** The receiver does not run when the change is made: its start is what is killed. */
  readonly atStart?: true
  /** Something that is wrong in the receiver's folder in the end, or ''. */
  readonly problemAfter?: (receiver: string) => string
}

const kibibyte = 1024

export const scenarios: readonly Scenario[] = [
  {
    name: 'new file',
    before: (sender) => empty(sender),
    change: ({ sender }, round) => write(sender, 'new/file', noise(300 * kibibyte, round)),
  },
  {
    name: 'replaced file',
    before: (sender, round) => start(sender, () => write(sender, 'file', noise(200 * kibibyte, round * 2))),
    change: ({ sender }, round) => save(sender, 'file', noise(210 * kibibyte, round * 2 + 1)),
  },
  {
    name: 'renamed file',
    before: (sender, round) => start(sender, () => write(sender, 'a/old', noise(100 * kibibyte, round))),
    change: ({ sender }) => {
      mkdirSync(join(sender, 'b'))
      renameSync(join(sender, 'a/old'), join(sender, 'b/new'))
    },
  },
  {
    name: 'moved folder',
    before: (sender, round) =>
      start(sender, () => {
        for (let i = 0; i < 12; i++) write(sender, `from/inner/${i}`, `${i} of ${round}`)
      }),
    change: ({ sender }) => renameSync(join(sender, 'from'), join(sender, 'to')),
  },
  {
    name: 'deleted tree',
    before: (sender, round) =>
      start(sender, () => {
        for (let i = 0; i < 4; i++) write(sender, `gone/${i}`, `${i} of ${round}`)
        write(sender, 'kept', 'kept')
      }),
    change: ({ sender }) => rmSync(join(sender, 'gone'), { recursive: true }),
  },
  {
    name: 'file that becomes a folder',
    before: (sender, round) => start(sender, () => write(sender, 'thing', `a file of ${round}`)),
    change: ({ sender }, round) => {
      rmSync(join(sender, 'thing'))
      write(sender, 'thing/inside', `in the folder of ${round}`)
    },
    leavesGap: true,
  },
  {
    name: 'conflict',
    before: (sender, round) => start(sender, () => write(sender, 'both.txt', `before ${round}`)),
    change: ({ sender, receiver }, round) => {
      write(sender, 'both.txt', `of the sender, ${round}`)
      write(receiver, 'both.txt', `of the receiver, ${round}`)
    },
    conflicts: true,
  },
  {
    name: 'batch of small files',
    before: (sender, round) =>
      start(sender, () => {
        for (let i = 0; i < 6; i++) write(sender, `batch/${i}`, `${i} before ${round}`)
      }),
    change: ({ sender }, round) => {
      for (let i = 3; i < 12; i++) save(sender, `batch/${i}`, noise(2000 + i, round * 20 + i))
    },
  },
  {
    name: 'symlink that changes',
    before: (sender, round) => start(sender, () => symlinkSync(`target ${round}`, join(sender, 'link'))),
    change: ({ sender }, round) => {
      symlinkSync(`other target ${round}`, `${sender}.tmp`)
      renameSync(`${sender}.tmp`, join(sender, 'link'))
    },
  },
  {
    name: 'executable bit',
    before: (sender, round) => start(sender, () => write(sender, 'run.sh', `#!/bin/sh\n# ${round}\n`)),
    change: ({ sender }) => chmodSync(join(sender, 'run.sh'), 0o755),
  },
  {
    name: 'edit in a large file',
    before: (sender, round) => start(sender, () => write(sender, 'large', noise(17 * kibibyte * kibibyte, round % 3))),
    change: ({ sender }, round) => {
      const bytes = readFileSync(join(sender, 'large'))
      noise(90 * kibibyte, round + 1000).copy(bytes, 5_000_000)
      save(sender, 'large', Buffer.concat([bytes, noise(5000, round)]))
    },
  },
  {
    name: 'trim of the history',
    before: (sender, round) => start(sender, () => write(sender, 'file', noise(20 * kibibyte, round * 2))),
    change: ({ sender, receiver }, round) => {
      for (const name of oldHistory)
        for (let i = 0; i < 3; i++) write(receiver, `${name}/deep/${i}`, `${i} of ${round}`)
      save(sender, 'file', noise(21 * kibibyte, round * 2 + 1))
      write(sender, 'new', noise(2 * kibibyte, round))
    },
    atStart: true,
    problemAfter: (receiver) => oldHistory.filter((name) => existsSync(join(receiver, name))).join(),
  },
]

// Kept for thirty days.
const oldHistory: readonly string[] = ['20200101T000000000Z', '20200102T000000000Z'].map(
  (name) => `.p2psync/history/${name}`,
)

function empty(root: string): void {
  for (const name of readdirSync(root)) if (name !== '.p2psync') rmSync(join(root, name), { recursive: true })
}

function start(root: string, fill: () => void): void {
  empty(root)
  fill()
}

/** By a rename from outside of the folder, so that no state in between is seen. */
function save(root: string, path: string, bytes: Uint8Array): void {
  writeFileSync(`${root}.tmp`, bytes)
  renameSync(`${root}.tmp`, join(root, path))
}
