import { sameDiskState, type DiskState } from '../model/disk-state.ts'
import { StateReader, type PackedTree } from '../model/packed-states.ts'
import type { Disk } from '../ports/disk.ts'
import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { quietly } from './path-trouble.ts'
import { changed, done, doneAway, lookAgain, type StepRun } from './step-run.ts'

type CheckTree = Extract<ApplyStep, { type: 'check-tree' }>
type RemoveTree = Extract<ApplyStep, { type: 'remove-tree' }>

export function* checkTree({ disk, inside }: StepRun, step: CheckTree): Generator<void, StepResult> {
  const place = inside.locate(step.path)
  if (place === null || !isSameFolder(disk, place, step.expect)) return changed
  return (yield* isExactly(disk, place, new KnownTree(step.below))) ? done(step.expect) : changed
}

/**
 * Takes a folder away by one rename into history, with everything in it. Then all of it is looked at: what somebody has
 * changed or added by then puts the folder back, unless another stands in its place.
 *
 * What is written later, by a program that had the file open, is in history like what is written to any removed file.
 */
export function* removeTree(run: StepRun, step: RemoveTree): Generator<void, StepResult> {
  const { disk, inside, shelf, touched } = run
  const { path, expect } = step
  if (expect.kind !== 'folder' || lookAgain(run, path, expect) === null) return changed
  const known = new KnownTree(step.below)
  const away = shelf.freePlace(path)
  const target = lookAgain(run, path, expect)
  if (target === null) return changed
  disk.rename(target, away)
  inside.forget()
  touched.nameIn(away)
  touched.nameIn(target)
  try {
    if (isSameFolder(disk, away, expect) && (yield* isExactly(disk, away, known))) return doneAway(run, away, null)
  } catch (error) {
    putBack(disk, away, target)
    throw error
  }
  putBack(disk, away, target)
  return changed
}

/** What should be below a folder. */
class KnownTree {
  readonly #places: ReadonlyMap<string, number>
  readonly #states: StateReader

  constructor({ paths, states }: PackedTree) {
    this.#places = new Map(paths === '' ? [] : paths.split('\0').map((path, i) => [path, i]))
    this.#states = new StateReader(states)
  }

  get size(): number {
    return this.#places.size
  }

  stateOf(path: string): DiskState | null {
    const place = this.#places.get(path)
    return place === undefined ? null : this.#states.at(place)
  }
}

/** Whether below the absolute path `top` is what is known, and nothing else. */
function* isExactly(disk: Disk, top: string, known: KnownTree): Generator<void, boolean> {
  const folders = ['']
  let seen = 0
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    const prefix = folder === '' ? '' : `${folder}/`
    for (const { name } of disk.readFolder(folder === '' ? top : `${top}/${folder}`)) {
      const path = `${prefix}${name ?? ''}`
      const expect = name === null ? null : known.stateOf(path)
      if (expect === null) return false
      const entry = disk.lstat(`${top}/${path}`)
      if (entry === null || entry.kind === 'other' || !sameDiskState(entry, expect)) return false
      if (entry.kind === 'folder') folders.push(path)
      if (++seen % sliceEntries === 0) yield
    }
  }
  return seen === known.size
}

function isSameFolder(disk: Disk, path: string, expect: DiskState): boolean {
  const entry = disk.lstat(path)
  return entry !== null && entry.kind !== 'other' && sameDiskState(entry, expect)
}

function putBack(disk: Disk, away: string, target: string): void {
  quietly(() => {
    if (disk.lstat(target) === null) disk.rename(away, target)
  })
}

const sliceEntries = 500
