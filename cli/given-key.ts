import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { errorText, P2psyncError } from '../src/model/errors.ts'
import type { CliContext } from './cli-context.ts'
import { readSecret } from './read-secret.ts'

export interface KeyOptions {
  readonly key?: string
  readonly keyFile?: string
}

/**
 * The text of the key that the user gave, or null: from `--key-file`, else `--key` (`-` asks on the terminal), else
 * `P2PSYNC_KEY`.
 *
 * @throws {P2psyncError} `bad-key` when it is malformed, `usage` when it cannot be read. No message repeats the key.
 */
export async function givenKey(options: KeyOptions, context: CliContext): Promise<string | null> {
  const text = await keyText(options, context)
  if (text === null) return null
  const { parseFolderKey } = await import('../src/node/key-text.ts')
  parseFolderKey(text)
  return text.trim()
}

async function keyText(options: KeyOptions, context: CliContext): Promise<string | null> {
  if (options.keyFile !== undefined) return readKeyFile(resolve(context.workingFolder, options.keyFile))
  if (options.key === '-') return readSecret('Key of the folder: ', context)
  if (options.key !== undefined) return options.key
  const environment = context.environment['P2PSYNC_KEY'] ?? ''
  return environment === '' ? null : environment
}

async function readKeyFile(path: string): Promise<string> {
  const hint = 'Give a file that holds nothing but the key: p2psync key show <folder> > key.txt on the other device.'
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw new P2psyncError('usage', `the key file ${path} cannot be read: ${errorText(error)}`, { hint, cause: error })
  }
  if (text.trim() === '') throw new P2psyncError('usage', `the key file ${path} is empty`, { hint })
  return text
}
