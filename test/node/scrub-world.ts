import type { ScrubFolder } from '../../src/node/scrub-folder.ts'
import type { Clock } from '../../src/ports/clock.ts'
import type { ScrubNote, ScrubNotes } from '../../src/node/scrub-notes.ts'
import { scrubReplica } from '../../src/node/scrub-replica.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'
import { pseudoRandom } from '../blocks/pseudo-random.ts'
import { MemoryNote } from '../twins/memory-note.ts'
import { silentLogger } from '../twins/silent-logger.ts'
import type { ReplicaWorld, WorldDevice } from './replica-world.ts'

export const root = '/home/folder'
export const minuteMs = 60_000
export const dayMs = 24 * 60 * minuteMs

/** Starts the scrub of a device, with what one before it has noted. */
export async function scrubOf(world: ReplicaWorld, device: WorldDevice, notes?: ScrubNotes): Promise<ScrubFolder> {
  const scrub = newScrub(world, device, notes)
  await scrub.start()
  return scrub
}

export function newScrub(
  world: ReplicaWorld,
  device: WorldDevice,
  notes: ScrubNotes = new MemoryNote<ScrubNote>(),
  clock: Clock = world.clock.view(),
): ScrubFolder {
  return scrubReplica(device.replica, {
    tasks: new DiskFileTasks({ disk: device.disk, root }),
    clock,
    random: world.random,
    logger: silentLogger,
    onChange: () => undefined,
    notes,
  })
}

/** Reads the whole folder of a device again. */
export async function scrubbed(world: ReplicaWorld, scrub: ScrubFolder): Promise<ReturnType<ScrubFolder['status']>> {
  scrub.begin()
  await world.clock.run(() => !scrub.status().running, dayMs)
  return scrub.status()
}

/** A bit flips on the disk: neither size nor times nor inode tell. */
export function rot(device: WorldDevice, path: string, offset = 1): void {
  device.disk.rot(`${root}/${path}`, offset)
}

export function textOf(length: number): string {
  return Buffer.from(pseudoRandom('scrub', length)).toString('base64').slice(0, length)
}

/** Writes files at a device and waits until all have them, and until a scrub may look at them. */
export async function share(
  world: ReplicaWorld,
  device: WorldDevice,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) device.write(path, text)
  await world.rest()
  await world.clock.pass(11 * minuteMs)
}
