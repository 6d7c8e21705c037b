import { readFile } from 'node:fs/promises'
import { errorText, P2psyncError, systemCode } from '../model/errors.ts'
import type { FolderState } from './home.ts'
import { makePrivateFolder, writePrivateFile } from './private-file.ts'

/** Keeps the text of a folder's key, readable by this user alone. @throws {P2psyncError} `disk-full`, `disk-failed`. */
export async function storeFolderKey(state: FolderState, keyText: string): Promise<void> {
  await makePrivateFolder(state.path)
  await writePrivateFile(state.keyFile, `${keyText}\n`)
}

/** The stored text, unparsed, or null when none is stored. @throws {P2psyncError} `disk-failed`. */
export async function loadFolderKey(state: FolderState): Promise<string | null> {
  try {
    return (await readFile(state.keyFile, 'utf8')).trim()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return null
    throw new P2psyncError('disk-failed', `the folder key ${state.keyFile} cannot be read: ${errorText(error)}`, {
      hint: 'Correct its permissions, or give the key again with --key-file.',
      cause: error,
    })
  }
}
