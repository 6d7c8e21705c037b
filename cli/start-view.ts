import type { AddFolderRequest, FolderAdded, NodeInfo } from '../src/node/node-api.ts'
import { shellWord } from './folder-path.ts'
import type { Output } from './cli-context.ts'
import { printable } from './printable.ts'

/** A folder as the user typed it, and what was asked of the node. */
export interface TypedFolder {
  readonly typed: string
  readonly request: AddFolderRequest
}

interface View {
  readonly info: NodeInfo
  /** What became of `folders`, in the same order. */
  readonly added: readonly FolderAdded[]
  readonly folders: readonly TypedFolder[]
  readonly json: boolean
}

/** What `start` says once the node runs. A key is printed only when it was made just now, and once. */
export function printStarted(view: View, stdout: Output): void {
  const { info, added } = view
  if (view.json) {
    writeJson(stdout, { type: 'started', ...info, folders: added })
    return
  }
  stdout.write(`device  ${printable(info.name)}\n        ${info.device}\n`)
  printFolders(view, stdout)
  stdout.write('Ctrl-C stops syncing; files stay as they are.\n\n')
}

/** What `start` says when another node runs: once without `added`, then for each folder. */
export function printAdded(view: View, stdout: Output): void {
  const { info, added, folders, json } = view
  if (json) {
    if (added.length > 0 || folders.length === 0) writeJson(stdout, { type: 'added', ...info, folders: added })
    return
  }
  if (added.length === 0) {
    const effect = folders.length === 0 ? 'there is nothing to do' : 'its folders are extended'
    stdout.write(`A node runs already (${printable(info.name)}, process ${info.pid}): ${effect}.\n`)
    return
  }
  printFolders(view, stdout)
}

function printFolders({ added, folders }: View, stdout: Output): void {
  for (const [index, folder] of added.entries()) {
    const note = folder.created ? ' (created)' : ''
    stdout.write(`folder  ${printable(folder.path)}${note}\n\n`)
    stdout.write(`${pairingText(folder, folders[index]?.typed ?? folder.path)}\n`)
  }
}

function pairingText(folder: FolderAdded, typed: string): string {
  const word = shellWord(typed)
  if (!folder.keyIsNew || folder.key === null) {
    return `To add another device, see the folder's key with: p2psync key show ${word}\n`
  }
  return (
    'To add another device, type there:\n\n' +
    `  npx p2psync start ${word} --key ${folder.key}\n\n` +
    `Whoever has this key can read and change the folder. To see it again: p2psync key show ${word}\n`
  )
}

function writeJson(stdout: Output, value: unknown): void {
  stdout.write(`${JSON.stringify(value)}\n`)
}
