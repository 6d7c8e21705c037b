import type { CliContext, CommonOptions } from './cli-context.ts'
import { connectToNode } from './connect-to-node.ts'
import { deviceText } from './event-lines.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import { P2psyncError } from '../src/model/errors.ts'

export interface PauseOptions extends CommonOptions {
  readonly peer?: string
}

/** What `pause` and `resume` do: with a device, with one folder, or with all folders when none is named. */
export async function setPaused(
  target: { readonly folder: string | undefined; readonly paused: boolean },
  options: PauseOptions,
  context: CliContext,
): Promise<void> {
  const { folder, paused } = target
  if (folder !== undefined && options.peer !== undefined) {
    throw new P2psyncError('usage', 'a folder and a device are given', { hint: 'Name one of them at a time.' })
  }
  const client = await connectToNode(options, context)
  const json = options.json === true
  if (options.peer !== undefined) {
    const before = await client.peers()
    const peer = await client.setPeerPaused(options.peer, paused)
    const wasPaused = before.some((known) => known.device === peer.device && known.paused)
    const line = effectLine(deviceText(peer), { wasPaused, paused })
    context.stdout.write(json ? `${JSON.stringify({ peer, paused })}\n` : line)
    return
  }
  const before = await client.status()
  const wasPaused = new Set(before.filter(({ state }) => state === 'paused').map(({ path }) => path))
  const paths =
    folder === undefined ? before.map(({ path }) => path) : [await folderPath(folder, context.workingFolder)]
  for (const path of paths) await client.setFolderPaused(path, paused)
  if (json) context.stdout.write(`${JSON.stringify({ folders: paths, paused })}\n`)
  else if (paths.length === 0) context.stdout.write('No folder is synced; add one: p2psync start <folder>\n')
  for (const path of json ? [] : paths) {
    context.stdout.write(effectLine(printable(path), { wasPaused: wasPaused.has(path), paused }))
  }
}

function effectLine(what: string, { wasPaused, paused }: { wasPaused: boolean; paused: boolean }): string {
  if (wasPaused !== paused) return `${paused ? 'Paused' : 'Resumed'} ${what}\n`
  return `${what} was ${paused ? 'already' : 'not'} paused\n`
}
