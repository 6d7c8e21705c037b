import type { AddFolderRequest, FolderAdded, NodeInfo } from '../src/node/node-api.ts'
import { shellWord, shellWords } from './folder-path.ts'
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

/** What `start` says first when another node runs; `hasWork`: something is to be added or set. */
export function printRunning({ info, hasWork }: { info: NodeInfo; hasWork: boolean }, stdout: Output): void {
  const effect = hasWork ? '' : ': there is nothing to do'
  stdout.write(`A node runs already (${printable(info.name)}, process ${info.pid})${effect}.\n`)
}

/** What became of folders that were given to another node; `known` are the paths that it had before. */
export function printAdded(view: View & { readonly known: ReadonlySet<string> }, stdout: Output): void {
  const { info, added, json, known } = view
  if (json) writeJson(stdout, { type: 'added', ...info, folders: added })
  else printFolders(view, stdout, (folder) => (known.has(folder.path) ? 'was added before' : 'added'))
}

function printFolders({ added, folders }: View, stdout: Output, effect?: (folder: FolderAdded) => string): void {
  for (const [index, folder] of added.entries()) {
    const notes = [...(folder.created ? ['created'] : []), ...(effect === undefined ? [] : [effect(folder)])]
    const note = notes.length === 0 ? '' : ` (${notes.join(', ')})`
    stdout.write(`folder  ${printable(folder.path)}${note}\n`)
    stdout.write(`${orderText(folders[index]?.request.order ?? {})}\n`)
    stdout.write(`${pairingText(folder, folders[index]?.typed ?? folder.path)}\n`)
  }
}

/** What was set of the order; '' when nothing was. */
function orderText({ first, last }: NonNullable<AddFolderRequest['order']>): string {
  const line = (name: string, patterns: readonly string[] | undefined): string => {
    if (patterns === undefined) return ''
    return `${name.padEnd(6)}  ${patterns.length === 0 ? 'nothing' : printable(shellWords(patterns))}\n`
  }
  return line('first', first) + line('last', last)
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
