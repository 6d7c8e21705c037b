import { describe, expect, it } from 'vitest'
import { planSteps, type PlannedChange } from '../../src/apply/plan-steps.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { EntryKind, FileRecord } from '../../src/model/file-record.ts'
import { parseRelativePath } from '../../src/model/relative-path.ts'
import { recordOf } from '../vector-clock/any-record.ts'

function record(path: string, kind: EntryKind): FileRecord {
  return recordOf(kind, 1, { path: parseRelativePath(path) })
}

function disk(kind: DiskState['kind']): DiskState {
  return { kind, sizeBytes: 1, mtimeNs: 1_700_000_000_000_000_000n, ctimeNs: 1n, inode: 1n, mode: 0o644 }
}

function take(path: string, kind: EntryKind, local: DiskState['kind'] | null = null): PlannedChange {
  return {
    decision: { action: 'take', record: record(path, kind) },
    local: local === null ? null : { record: record(path, local), disk: disk(local) },
    staged: kind === 'file' ? 'staged' : null,
  }
}

describe('the steps of a batch', () => {
  it('come in an order in which each finds what it needs, whatever the order of the changes', () => {
    const changes = [
      take('folder that becomes a file', 'file', 'folder'),
      take('gone', 'tombstone', 'folder'),
      take('gone/deep', 'tombstone', 'folder'),
      take('gone/deep/file', 'tombstone', 'file'),
      take('folder that becomes a file/x', 'tombstone', 'file'),
      take('new/moved', 'file'),
      take('new/deep', 'folder'),
      take('new', 'folder'),
      take('link', 'symlink'),
    ]
    const order = planSteps(changes).flatMap(({ steps }) => steps.map(({ type, path }) => `${type} ${path}`))
    expect(order).toEqual([
      'make-folder new',
      'make-folder new/deep',
      'place-link link',
      'place-file new/moved',
      'remove folder that becomes a file/x',
      'remove gone/deep/file',
      'remove-folder gone/deep',
      'remove-folder gone',
      'place-file folder that becomes a file',
    ])
    const reversed = planSteps(changes.toReversed()).flatMap(({ steps }) => steps.map((step) => step.path))
    expect(reversed).toEqual(order.map((step) => step.slice(step.indexOf(' ') + 1)))
  })

  it('are none where only the index changes', () => {
    const same: PlannedChange = {
      ...take('a', 'file', 'file'),
      decision: { action: 'adopt', record: record('a', 'file') },
    }
    const kept: PlannedChange = {
      ...take('a', 'file', 'file'),
      decision: { action: 'keep', record: record('a', 'file') },
    }
    expect(planSteps([same, kept, take('never here', 'tombstone')]).flatMap(({ steps }) => steps)).toEqual([])
  })

  it('keep the loser before a folder takes its place', () => {
    const copyPath = parseRelativePath('a copy')
    const change: PlannedChange = {
      ...take('a', 'folder', 'file'),
      decision: { action: 'take-keeping-copy', record: record('a', 'folder'), copyPath },
    }
    expect(planSteps([change])[0]!.steps).toMatchObject([
      { type: 'remove', path: 'a', keepAs: copyPath },
      { type: 'make-folder', path: 'a', expect: null },
    ])
  })
})
