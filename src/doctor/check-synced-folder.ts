import { constants, type Stats } from 'node:fs'
import { access, lstat, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { indexProblem } from '../file-index/index-head.ts'
import { openLevelStore } from '../file-index/level-store.ts'
import { dayMs } from '../model/day.ts'
import { errorText, P2psyncError } from '../model/errors.ts'
import { privateFolderName } from '../model/relative-path.ts'
import { readMarker } from '../node/check-folder.ts'
import type { KnownFolder } from '../node/node-settings.ts'
import type { FolderStatus } from '../node/node-api.ts'
import { remainsKeptDays } from '../node/staged-remains.ts'
import type { Findings } from './finding.ts'

/** Whether this user can list, read and write the folder itself; false: nothing else of it can be looked at. */
export async function checkAccess(path: string, findings: Findings): Promise<boolean> {
  const check = 'access'
  const hint = 'Correct its permissions, or mount the disk that it lies on.'
  try {
    if (!(await stat(path)).isDirectory()) {
      findings.problem(check, { message: `${path} is no folder`, hint: 'Name a folder.' })
      return false
    }
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
    findings.ok(check, 'this user can read and write it')
    return true
  } catch (error) {
    findings.problem(check, { message: `${path} cannot be used: ${errorText(error)}`, hint })
    return false
  }
}

/** Whether the folder is the one that was started: its marker says so. `known` is null when none was. */
export async function checkMarker(path: string, known: KnownFolder | null, findings: Findings): Promise<void> {
  const check = 'marker'
  try {
    const marker = await readMarker(path)
    if (known === null) {
      findings.warning(check, {
        message: `this folder is not synced by this node${marker === null ? '' : ', but was started by another one'}`,
        hint: `Start it: p2psync start ${path}`,
      })
    } else if (marker?.nonce === known.nonce && marker.folder === known.id) findings.ok(check, 'its marker is right')
    else {
      findings.problem(check, {
        message: `its marker ${privateFolderName}/folder.json is ${marker === null ? 'gone' : 'that of another folder'}`,
        hint: 'If it lies on a disk that is not mounted, mount it. If this is the right folder all the same: p2psync start <folder> --relink.',
      })
    }
  } catch (error) {
    if (!(error instanceof P2psyncError)) throw error
    findings.problem(check, { message: error.message, hint: error.hint })
  }
}

/** What the running node says of the folder. */
export function checkStatus(status: FolderStatus | null, findings: Findings): void {
  const check = 'status'
  if (status === null) {
    const message = 'the node that runs does not sync it'
    return findings.problem(check, { message, hint: 'Start it: p2psync start <folder>. It says why it could not.' })
  }
  if (status.state === 'stopped')
    findings.problem(check, { message: `it is stopped: ${status.reason}`, hint: status.hint })
  else if (status.problemCount > 0) {
    const first = status.problems[0]
    const example = first === undefined ? '' : `, such as ${first.path}: ${first.reason}`
    const message = `${status.problemCount} paths are not synced${example}`
    findings.problem(check, { message, hint: 'See p2psync status.' })
  } else findings.ok(check, `the node says: ${status.state}`)
}

/** Whether another node, with another state directory, has the folder. Only of use while no node of this home runs. */
export async function checkLock(path: string, findings: Findings): Promise<void> {
  const check = 'lock'
  const lock = join(path, privateFolderName, 'lock')
  if (!(await isThere(lock))) return findings.ok(check, 'no node has locked it')
  try {
    await (await openLevelStore(lock)).close()
    findings.ok(check, 'no node has locked it')
  } catch (error) {
    if (!(error instanceof P2psyncError)) throw error
    // A damaged lock is made anew by the next start.
    if (error.code !== 'folder-busy') return findings.ok(check, 'no node has locked it')
    findings.problem(check, {
      message: 'another p2psync node, with another state directory, syncs it',
      hint: 'Stop that one, or name its state directory: --home DIR.',
    })
  }
}

/** Reads all of the folder's index; the next node begins a damaged one anew. Only while no node of this home runs. */
export async function checkDatabase(indexFolder: string, findings: Findings): Promise<void> {
  const check = 'database'
  if (!(await isThere(indexFolder))) return findings.ok(check, 'there is no index yet')
  const hint = 'Start the node: a damaged index is set aside and built anew from the files; nothing is deleted.'
  try {
    const store = await openLevelStore(indexFolder)
    try {
      const problem = await indexProblem(store)
      if (problem === null) findings.ok(check, 'its index is whole')
      else findings.problem(check, { message: `its index is damaged: ${problem}`, hint })
    } finally {
      await store.close()
    }
  } catch (error) {
    findings.problem(check, { message: errorText(error), hint: error instanceof P2psyncError ? error.hint : hint })
  }
}

/** What fetches have left in the folder's staging: of a node that runs it is in use. */
export async function checkStaged(path: string, nowMs: number, findings: Findings): Promise<void> {
  const staging = join(path, privateFolderName, 'staging')
  let old = 0
  let bytes = 0
  for (const name of await readdir(staging).catch((): string[] => [])) {
    const entry = await lstat(join(staging, name)).catch((): Stats | null => null)
    if (entry === null || entry.mtimeMs > nowMs - remainsKeptDays * dayMs) continue
    old++
    bytes += entry.size
  }
  if (old === 0) return findings.ok('staged', 'no fetch has left anything for long')
  findings.warning('staged', {
    message: `${old} files of ${bytes} bytes were left by fetches that nobody went on with for ${remainsKeptDays} days`,
    hint: 'Start the node: it clears them away.',
  })
}

/** Whether another program syncs the same folder, or one that it lies in: two that do so undo each other's work. */
export async function checkOtherPrograms(path: string, findings: Findings): Promise<void> {
  const found: string[] = []
  for (let folder = path; ; folder = dirname(folder)) {
    for (const [name, program] of Object.entries(marksOfOthers)) {
      if (await isThere(join(folder, name))) found.push(`${program} (${join(folder, name)})`)
    }
    if (folder === dirname(folder)) break
  }
  if (found.length === 0) return findings.ok('other-programs', 'no other program is known to sync it')
  findings.warning('other-programs', {
    message: `it seems to be synced by ${found.join(' and ')} as well`,
    hint: 'Let one program sync a folder: two of them take each other’s work for changes of yours.',
  })
}

const marksOfOthers = {
  '.stfolder': 'Syncthing',
  '.dropbox.cache': 'Dropbox',
  '.resilio-sync': 'Resilio Sync',
  '.owncloudsync.log': 'ownCloud',
  '.nextcloudsync.log': 'Nextcloud',
}

/** Whether the disk of the folder tells `a` from `A`: it holds only one of two such files of other devices. */
export async function checkCase(path: string, findings: Findings): Promise<void> {
  const own = await lstat(join(path, privateFolderName)).catch((): Stats | null => null)
  const upper = await lstat(join(path, privateFolderName.toUpperCase())).catch((): Stats | null => null)
  const isSame = own !== null && upper !== null && own.ino === upper.ino && own.dev === upper.dev
  if (!isSame) return findings.ok('case', 'its disk is not known to ignore case')
  findings.warning('case', {
    message: 'its disk ignores case: of two names that differ only in case it holds one',
    hint: 'Keep names apart by more than case, or choose a disk that tells them apart.',
  })
}

function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  )
}
