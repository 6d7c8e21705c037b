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
    const peer = await client.setPeerPaused(options.peer, paused)
    context.stdout.write(json ? `${JSON.stringify({ peer, paused })}\n` : `${word(paused)} ${deviceText(peer)}\n`)
    return
  }
  const paths =
    folder === undefined
      ? (await client.status()).map(({ path }) => path)
      : [await folderPath(folder, context.workingFolder)]
  for (const path of paths) await client.setFolderPaused(path, paused)
  if (json) context.stdout.write(`${JSON.stringify({ folders: paths, paused })}\n`)
  else if (paths.length === 0) context.stdout.write('No folder is synced; add one: p2psync start <folder>\n')
  else for (const path of paths) context.stdout.write(`${word(paused)} ${printable(path)}\n`)
}

function word(paused: boolean): string {
  return paused ? 'Paused' : 'Resumed'
}
