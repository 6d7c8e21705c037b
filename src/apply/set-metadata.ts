import { sameDiskState } from '../model/disk-state.ts'
import type { ApplyStep, StepResult } from '../ports/file-tasks.ts'
import { PathTrouble } from './path-trouble.ts'
import { changed, done, lookAgain, withExecutable, type StepRun } from './step-run.ts'

type SetMetadata = Extract<ApplyStep, { type: 'set-metadata' }>

/** Sets time and executable bit through a handle of exactly the expected file, or the time of a symlink. */
export function setMetadata(run: StepRun, step: SetMetadata): StepResult {
  const target = lookAgain(run, step.path, step.expect)
  if (target === null) return changed
  if (step.expect.kind === 'folder') throw new PathTrouble('EISDIR', 'a folder is there')
  if (step.expect.kind === 'symlink') return setLinkTime(run, target, step.mtimeNs)
  const handle = run.disk.openRead(target)
  try {
    const entry = run.disk.fstat(handle)
    if (entry.kind === 'other' || !sameDiskState(entry, step.expect)) return changed
    const mode = withExecutable(entry.mode, step.executable)
    if (mode !== entry.mode) run.disk.setMode(handle, mode)
    run.disk.setMtime(handle, step.mtimeNs)
    run.touched.file(target)
    const after = run.disk.fstat(handle)
    return after.kind === 'other' ? changed : done(after)
  } finally {
    run.disk.close(handle)
  }
}

function setLinkTime(run: StepRun, target: string, mtimeNs: bigint): StepResult {
  run.disk.setLinkMtime(target, mtimeNs)
  run.touched.nameIn(target)
  const after = run.disk.lstat(target)
  return after?.kind === 'symlink' ? done(after) : changed
}
