import { errorText } from '../model/errors.ts'
import type { Findings } from './finding.ts'
import type { Host } from './host.ts'

const fullBytes = 64 * 1024 * 1024
const tightBytes = 1024 * 1024 * 1024
const tightFiles = 1000
/** NFS, SMB, SMB2, CIFS: other computers write there, and no event tells of it. */
const networkTypes: ReadonlySet<number> = new Set([0x6969, 0x517b, 0xfe534d42, 0xff534d42])

/** Room for files and for bytes where `path` lies, and whether its file system tells of changes. */
export async function checkSpace(path: string, host: Host, findings: Findings): Promise<void> {
  const check = 'space'
  try {
    const { freeBytes, totalBytes, freeFiles, type } = await host.space(path)
    const told = `${mebibytes(freeBytes)} MiB of ${mebibytes(totalBytes)} MiB are free at ${path}`
    const hint = 'Free some space on this disk; old versions of files are in .p2psync/history for 30 days.'
    if (freeBytes < fullBytes) findings.problem(check, { message: told, hint })
    else if (freeFiles !== null && freeFiles < tightFiles) {
      findings.problem(check, { message: `only ${freeFiles} more files can be made at ${path}`, hint })
    } else if (freeBytes < Math.min(tightBytes, totalBytes / 10)) findings.warning(check, { message: told, hint })
    else findings.ok(check, told)
    // Some systems give the number as a signed one.
    if (networkTypes.has(type >>> 0)) {
      findings.warning('file-system', {
        message: `${path} lies on another computer: changes that are made there are found by scanning only`,
        hint: 'Run p2psync on that computer, or choose a short --rescan-interval.',
      })
    } else findings.ok('file-system', `${path} lies on a disk of this computer`)
  } catch (error) {
    const hint = 'Check that its disk is there and healthy.'
    findings.problem(check, { message: `the disk at ${path} does not answer: ${errorText(error)}`, hint })
  }
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / 1024 / 1024)
}
