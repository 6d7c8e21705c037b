import { realpath } from 'node:fs/promises'
import { resolve } from 'node:path'

/** The absolute path of a folder as a node names it: links resolved where it exists. */
export async function folderPath(typed: string, workingFolder: string): Promise<string> {
  const path = resolve(workingFolder, typed)
  return realpath(path).catch(() => path)
}

export function shellWords(texts: readonly string[]): string {
  return texts.map(shellWord).join(' ')
}

/** `text` as one word of a shell, quoted only when it must be. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}
