import { isExecutable, type DiskState } from '../../../src/model/disk-state.ts'
import { isLive, type FileRecord } from '../../../src/model/file-record.ts'
import { DiskFileTasks } from '../../../src/workers/disk-file-tasks.ts'
import type { WorldDevice } from '../../node/world-device.ts'
import { root } from '../paths.ts'
import type { CheckedRun } from './checked-run.ts'

/** What the index of a device claims is what its disk holds, and nothing else is there. */
export async function honestIndex({ world }: CheckedRun): Promise<string[]> {
  const problems: string[] = []
  for (const device of world.devices) {
    for (const problem of await problemsOf(device)) problems.push(`${device.name}: ${problem}`)
  }
  return problems
}

/** Node sets times to a microsecond. */
function metadataProblems(record: FileRecord, entry: DiskState): string[] {
  const apartNs = record.mtimeNs - entry.mtimeNs
  const problems = apartNs >= 1000n || apartNs <= -1000n ? [`${record.path} has another time`] : []
  if (entry.sizeBytes !== record.sizeBytes) problems.push(`${record.path} has ${entry.sizeBytes} bytes`)
  if (isExecutable(entry.mode) !== record.executable) problems.push(`${record.path} has another executable bit`)
  return problems
}

async function problemsOf(device: WorldDevice): Promise<string[]> {
  const { replica, disk } = device
  const tasks = new DiskFileTasks({ disk, root }, { now: () => 0 })
  const problems: string[] = []
  let live = 0
  for await (const page of replica.index.rows()) {
    for (const { record, disk: state } of page) {
      if (!isLive(record)) continue
      live++
      const entry = disk.quietly(() => disk.lstat(`${root}/${record.path}`))
      if (entry?.kind !== record.kind || state === null)
        problems.push(`${record.path} is ${entry?.kind ?? 'not there'}`)
      else if (record.kind === 'file') {
        // A second name that went since changes the times of a file, not what it holds.
        const [found] = await tasks.lstat([record.path])
        const [hashed] = await tasks.hash([{ path: record.path, disk: found?.disk ?? state }])
        const is = hashed?.outcome === 'hashed' ? hashed.content : hashed?.outcome
        if (is !== record.content) problems.push(`${record.path} is ${is}, not ${record.content}`)
        problems.push(...metadataProblems(record, entry))
      } else if (record.kind === 'symlink') {
        const target = disk.quietly(() => disk.readLink(`${root}/${record.path}`))
        if (target !== record.linkTarget) problems.push(`${record.path} leads to ${target}`)
      }
    }
  }
  await tasks.close()
  if (live !== device.tree().size) problems.push(`has ${live} records of ${device.tree().size} entries`)
  return problems
}
