import type { DiskState } from '../model/disk-state.ts'
import type { PackedTree } from '../model/packed-states.ts'
import type { RelativePath } from '../model/relative-path.ts'

/**
 * One change to the folder. `expect` is what the index says is there (null: nothing); when the disk says otherwise the
 * step is not done and its result is `changed`.
 */
export type ApplyStep =
  | { readonly type: 'make-folder'; readonly path: RelativePath; readonly expect: DiskState | null }
  /** Puts a staged file in place; what was there goes to history, or to `keepAs` when that is given. */
  | {
      readonly type: 'place-file'
      readonly path: RelativePath
      readonly expect: DiskState | null
      readonly staged: string
      readonly keepAs: RelativePath | null
      /** What goes to history is copied: a second name would change the time by which damage is told from an edit. */
      readonly isDamaged?: boolean
    }
  | {
      readonly type: 'place-link'
      readonly path: RelativePath
      readonly expect: DiskState | null
      readonly target: string
      readonly mtimeNs: bigint
      readonly keepAs: RelativePath | null
    }
  /** Sets time and executable bit of a file (or the time of a symlink) whose bytes are already right. */
  | {
      readonly type: 'set-metadata'
      readonly path: RelativePath
      readonly expect: DiskState
      readonly mtimeNs: bigint
      readonly executable: boolean
    }
  /** Takes a file or symlink away, to history or to `keepAs`. */
  | {
      readonly type: 'remove'
      readonly path: RelativePath
      readonly expect: DiskState
      readonly keepAs: RelativePath | null
    }
  /** Takes one of the two names of a file away: done when both are of the very file in `expect`, as it is there. */
  | {
      readonly type: 'remove-second-name'
      readonly path: RelativePath
      readonly expect: DiskState
      readonly other: RelativePath
    }
  /** Gives a folder with all that is in it another path, where nothing may be; the parent of `path` must be there. */
  | {
      readonly type: 'move-folder'
      readonly path: RelativePath
      readonly from: RelativePath
      readonly expect: DiskState
    }
  /** Gives the file at `from` another path, time and executable bit; what was at `path` goes to history. */
  | {
      readonly type: 'move-file'
      readonly path: RelativePath
      readonly expect: DiskState | null
      readonly from: RelativePath
      readonly fromExpect: DiskState
      readonly mtimeNs: bigint
      readonly executable: boolean
    }
  /** Changes nothing: done when a folder is there, with `below` in it and nothing else. */
  | {
      readonly type: 'check-tree'
      readonly path: RelativePath
      readonly expect: DiskState
      readonly below: PackedTree
    }
  /**
   * Takes a folder to history by one rename, with all that is in it; puts it back when that turns out to be anything but
   * `below`. Meant for a folder of which `check-tree` has just said so.
   */
  | {
      readonly type: 'remove-tree'
      readonly path: RelativePath
      readonly expect: DiskState
      readonly below: PackedTree
    }
  /** Removes an empty folder. */
  | { readonly type: 'remove-folder'; readonly path: RelativePath; readonly expect: DiskState }

export type StepResult =
  | {
      readonly outcome: 'done'
      /** What is at the path now; null after a removal. */
      readonly disk: DiskState | null
      /** What is at `keepAs` now, where one was given. */
      readonly kept: DiskState | null
      /** Where below `.p2psync/history` what was at the path is now; not given when it is not there. */
      readonly away?: string
    }
  /** The target is not what was expected: look at it again. */
  | { readonly outcome: 'changed' }
  /** It cannot be done as things are: a folder that is not empty, a parent that is no folder, a name that is too long. */
  | ({ readonly outcome: 'blocked' } & StepTrouble)
  | ({ readonly outcome: 'failed' } & StepTrouble)

export interface StepTrouble {
  readonly reason: string
  readonly code: string
  /** Files that were as expected, and are there as before: what was begun and undone may have moved their change times. */
  readonly left?: readonly { readonly path: RelativePath; readonly disk: DiskState }[]
}
