import { existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** A fresh empty folder that is removed when the running test ends. */
export function temporaryFolder(parent: string = tmpdir()): string {
  const folder = realpathSync(mkdtempSync(join(parent, 'p2psync-watcher-')))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Where tens of thousands of files cost least: some disks are slow to make files soon after others were removed. */
export const fastParent = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
