import { lstat, readdir } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { ControlClient } from '../control/control-client.ts'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import { loadFolderKey } from '../node/folder-key-file.ts'
import { folderState, type Home } from '../node/home.ts'
import { parseFolderKey } from '../node/key-text.ts'
import type { FolderStatus, NodeInfo } from '../node/node-api.ts'
import { loadSettings, noSettings, type NodeSettings } from '../node/node-settings.ts'
import type { Findings } from './finding.ts'
import type { Host } from './host.ts'

/** The node of this home, when it runs and answers. */
export interface SeenNode {
  readonly info: NodeInfo
  readonly folders: readonly FolderStatus[]
}

/** Whether the node of this home runs, and answers; null when none does. `uncertain`: one may run all the same. */
export async function checkNode(home: Home, findings: Findings): Promise<SeenNode | 'uncertain' | null> {
  const client = new ControlClient({ home: home.path })
  try {
    const [info, folders] = await Promise.all([client.info(), client.status()])
    findings.ok('node', `the node runs (process ${info.pid}, version ${info.version})`)
    if (info.addresses.every((address) => /^\/(ip4\/127\.|ip6\/::1\/)/.test(address))) {
      const message = 'the node listens on this computer only: no other device can connect to it'
      findings.warning('listening', { message, hint: 'Connect a network, or start the node without --listen.' })
    } else findings.ok('listening', `the node listens on ${info.addresses.join(', ')}`)
    return { info, folders }
  } catch (error) {
    if (!(error instanceof P2psyncError)) throw error
    if (error.code === 'no-node') {
      findings.ok('node', 'no node runs; start one with p2psync start')
      return null
    }
    findings.problem('node', { message: error.message, hint: error.hint })
    return 'uncertain'
  }
}

/** The settings, and {@link noSettings} when they cannot be read. */
export async function checkSettings(home: Home, findings: Findings): Promise<NodeSettings> {
  try {
    const settings = await loadSettings(home)
    const { length } = settings.folders
    findings.ok('settings', `${length === 1 ? '1 folder is' : `${length} folders are`} known to ${home.path}`)
    return settings
  } catch (error) {
    if (!(error instanceof P2psyncError)) throw error
    findings.problem('settings', { message: error.message, hint: error.hint })
    return noSettings
  }
}

/**
 * Who may read the state: nobody but its owner may see its keys. Returns when the newest of its files was written, in
 * milliseconds since 1970.
 */
export async function checkStatePermissions(home: Home, host: Host, findings: Findings): Promise<number> {
  const check = 'state-permissions'
  let latestMs = 0
  let wrong = 0
  const paths = [home.path, ...(await namesIn(home.path)), ...(await namesIn(join(home.path, 'folders')))]
  for (const folder of await namesIn(join(home.path, 'folders'))) paths.push(join(folder, 'key'))
  for (const path of paths) {
    const entry = await lstat(path).catch(() => null)
    if (entry === null) continue
    if (entry.isFile()) latestMs = Math.max(latestMs, entry.mtimeMs)
    if (host.userId === null || entry.isSymbolicLink()) continue
    if (host.userId !== 0 && entry.uid !== host.userId) {
      wrong++
      findings.problem(check, {
        message: `${path} belongs to another user`,
        hint: `Give it back: sudo chown $USER ${path}`,
      })
    } else if ((entry.mode & 0o077) !== 0) {
      wrong++
      const mode = entry.isDirectory() ? '700' : '600'
      findings.problem(check, { message: `others may use ${path}`, hint: `Close it: chmod ${mode} ${path}` })
    }
  }
  if (wrong === 0) findings.ok(check, `the state in ${home.path} is closed to others`)
  return latestMs
}

/** Whether the key of a folder that was started is still there, and whole. */
export async function checkFolderKey(
  home: Home,
  id: NodeSettings['folders'][number]['id'],
  findings: Findings,
): Promise<void> {
  const hint = 'Start the folder again with its key from another device: p2psync start <folder> --key-file FILE.'
  try {
    const text = await loadFolderKey(folderState(home, id))
    if (text === null) return findings.problem('folder-key', { message: 'its key is not in the state directory', hint })
    parseFolderKey(text)
    findings.ok('folder-key', 'its key is there')
  } catch (error) {
    findings.problem('folder-key', { message: `its key cannot be used: ${errorText(error)}`, hint })
  }
}

/** Whether the port of earlier runs is free; only of use while no node of this home runs. */
export async function checkPort(settings: NodeSettings, findings: Findings): Promise<void> {
  const { port } = settings
  if (port === null) return findings.ok('port', 'no port was used yet: any will do')
  const code = await whyNotListening(port)
  if (code === '') return findings.ok('port', `the usual port ${port} is free`)
  findings.warning('port', {
    message: `the usual port ${port} cannot be used (${code}): the next start takes another one`,
    hint: 'End the program that has it, if a firewall or a router lets only this port through.',
  })
}

function whyNotListening(port: number): Promise<string> {
  const answer = Promise.withResolvers<string>()
  const server = createServer()
  server.once('error', (error) => answer.resolve(systemCode(error)))
  server.listen({ port, host: '0.0.0.0', exclusive: true }, () => server.close(() => answer.resolve('')))
  return answer.promise
}

async function namesIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => [])
  return names.map((name) => join(folder, name))
}
