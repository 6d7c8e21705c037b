import { access } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorText } from '../model/errors.ts'
import { folderState, homeAt } from '../node/home.ts'
import type { KnownFolder } from '../node/node-settings.ts'
import { checkClock, checkInotify, checkMulticastRoute, checkNodeVersion } from './check-host.ts'
import { checkNames } from './check-names.ts'
import { checkSpace } from './check-space.ts'
import {
  checkFolderKey,
  checkNode,
  checkPort,
  checkSettings,
  checkStatePermissions,
  type SeenNode,
} from './check-state.ts'
import {
  checkAccess,
  checkCase,
  checkDatabase,
  checkLock,
  checkMarker,
  checkOtherPrograms,
  checkStaged,
  checkStatus,
} from './check-synced-folder.ts'
import { newFindings, type Finding, type Findings } from './finding.ts'
import type { Host } from './host.ts'

/**
 * Looks at everything that a supporter would ask for, with or without a running node, and changes nothing but what opening
 * a database does. With `folder` (absolute, links resolved) of the folders only that one.
 */
export async function diagnose(input: {
  readonly home: string
  readonly folder: string | null
  readonly host: Host
}): Promise<readonly Finding[]> {
  const { host } = input
  const home = homeAt(input.home)
  const general = newFindings(null)
  checkNodeVersion(host, general)
  const node = await checkNode(home, general)
  const settings = await checkSettings(home, general)
  checkClock(host, general, await checkStatePermissions(home, host, general))
  await checkMulticastRoute(host, general)
  if (node === null) await checkPort(settings, general)
  await checkSpace(await existing(input.home), host, general)
  const paths = input.folder === null ? settings.folders.map(({ path }) => path) : [input.folder]
  const ofFolders: Finding[] = []
  let watched = 0
  for (const path of paths) {
    const findings = newFindings(path)
    const known = settings.folders.find((other) => other.path === path) ?? null
    const indexFolder = known === null ? null : folderState(home, known.id).indexFolder
    if (known !== null) await checkFolderKey(home, known.id, findings)
    try {
      watched += await checkFolder({ path, known, indexFolder, node, host }, findings)
    } catch (error) {
      const message = `the folder could not be looked at: ${errorText(error)}`
      findings.problem('doctor', { message, hint: 'Report this, with these lines.' })
    }
    ofFolders.push(...findings.list)
  }
  await checkInotify(host, general, watched)
  return [...general.list, ...ofFolders]
}

interface FolderInput {
  readonly path: string
  readonly known: KnownFolder | null
  readonly indexFolder: string | null
  readonly node: SeenNode | 'uncertain' | null
  readonly host: Host
}

/** Returns how many folders it holds. */
async function checkFolder({ path, known, indexFolder, node, host }: FolderInput, findings: Findings): Promise<number> {
  const isUsable = await checkAccess(path, findings)
  // What a node has open nobody else can open.
  if (node === null && indexFolder !== null) await checkDatabase(indexFolder, findings)
  else if (node !== null && node !== 'uncertain' && known !== null) {
    checkStatus(node.folders.find((other) => other.path === path) ?? null, findings)
  }
  if (!isUsable) return 0
  await checkMarker(path, known, findings)
  if (node === null) {
    await checkLock(path, findings)
    await checkStaged(path, host.now(), findings)
  }
  await checkOtherPrograms(path, findings)
  await checkCase(path, findings)
  await checkSpace(path, host, findings)
  return checkNames(path, findings)
}

/** The state directory may not have been made yet. */
async function existing(path: string): Promise<string> {
  for (let current = path; ; current = dirname(current)) {
    const isThere = await access(current).then(
      () => true,
      () => false,
    )
    if (isThere || current === dirname(current)) return current
  }
}
