import type { DiskState } from '../../src/model/disk-state.ts'
import { packStates } from '../../src/model/packed-states.ts'
import type { ApplyStep } from '../../src/ports/file-tasks.ts'
import { at } from './world.ts'

/** The time that the steps made here give. */
export const givenMtimeNs = 1_700_000_000_000_000_000n

export function placeFile(path: string, expect: DiskState | null, staged: string, keepAs?: string): ApplyStep {
  return { type: 'place-file', path: at(path), expect, staged, keepAs: keepAs === undefined ? null : at(keepAs) }
}

export function placeLink(path: string, expect: DiskState | null, target: string, keepAs?: string): ApplyStep {
  const kept = keepAs === undefined ? null : at(keepAs)
  return { type: 'place-link', path: at(path), expect, target, mtimeNs: givenMtimeNs, keepAs: kept }
}

export function makeFolder(path: string, expect: DiskState | null): ApplyStep {
  return { type: 'make-folder', path: at(path), expect }
}

export function setMetadata(path: string, expect: DiskState, { executable = false } = {}): ApplyStep {
  return { type: 'set-metadata', path: at(path), expect, mtimeNs: givenMtimeNs, executable }
}

export function remove(path: string, expect: DiskState, keepAs?: string): ApplyStep {
  return { type: 'remove', path: at(path), expect, keepAs: keepAs === undefined ? null : at(keepAs) }
}

export function removeFolder(path: string, expect: DiskState): ApplyStep {
  return { type: 'remove-folder', path: at(path), expect }
}

/** What is to be found below the folder, by its path relative to it. */
export function removeTree(
  path: string,
  expect: DiskState,
  below: Readonly<Record<string, DiskState>>,
): Extract<ApplyStep, { type: 'remove-tree' }> {
  const packed = { paths: Object.keys(below).join('\0'), states: packStates(Object.values(below)) }
  return { type: 'remove-tree', path: at(path), expect, below: packed }
}

export function moveFolder(path: string, from: string, expect: DiskState): ApplyStep {
  return { type: 'move-folder', path: at(path), from: at(from), expect }
}

/** Moves a file and gives it the time of {@link givenMtimeNs}, or leaves it what it has. */
export function moveFile(
  path: string,
  expect: DiskState | null,
  from: { readonly path: string; readonly disk: DiskState },
  { mtimeNs = givenMtimeNs, executable = false } = {},
): ApplyStep {
  return { type: 'move-file', path: at(path), expect, from: at(from.path), fromExpect: from.disk, mtimeNs, executable }
}

export function removeSecondName(path: string, expect: DiskState, other: string): ApplyStep {
  return { type: 'remove-second-name', path: at(path), expect, other: at(other) }
}
