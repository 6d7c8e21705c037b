import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { checkNames } from '../../src/doctor/check-names.ts'
import { newFindings } from '../../src/doctor/finding.ts'

it('tells of what cannot be listed', async () => {
  const base = await mkdtemp(join(tmpdir(), 'p2psync-names-'))
  try {
    // Nothing is closed to a superuser, but a file has no entries for anybody.
    await writeFile(join(base, 'file'), '')
    const findings = newFindings(base)
    await checkNames(join(base, 'file'), findings)
    expect(findings.list.filter(({ result }) => result === 'problem').map(({ message }) => message)).toEqual([
      `1 cannot be read by this user: ${join(base, 'file')}`,
    ])
  } finally {
    await rm(base, { recursive: true })
  }
})
