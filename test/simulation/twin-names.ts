import type { ReplicaWorld, WorldDevice } from '../node/replica-world.ts'
import { root } from './paths.ts'
import type { Operation } from './schedule.ts'

const roundsMax = 10

/** True when an operation uses a name that is not in Unicode form NFC. */
export function isForeign(operation: Extract<Operation, { path: string }>): boolean {
  return isForeignName(operation.path) || ('to' in operation && isForeignName(operation.to))
}

/**
 * A name that is not in NFC becomes the one that is, unless something has that already: then it is left as it is, is said to
 * be a problem, and its user gives it another name. Returns what is wrong.
 */
export async function resolveNames(world: ReplicaWorld): Promise<string[]> {
  for (let round = 0; round < roundsMax; round++) {
    await world.clock.pass(3000)
    // What stood in its way may have gone: the next look at everything sees it.
    for (const device of world.devices) if (foreignIn(device) !== undefined) device.overflow()
    await world.clock.pass(1000)
    const problems = world.devices.flatMap((device) => untold(device))
    if (problems.length > 0) return problems
    const twins = world.devices.filter((device) => foreignIn(device) !== undefined)
    if (twins.length === 0) return []
    for (const device of twins) {
      const path = foreignIn(device)!
      device.rename(path, `twin ${device.name} ${world.clock.view().monotonic()}`)
      device.disk.quietly(() => device.disk.syncFileSystem(root))
    }
  }
  return ['there are always more']
}

function isForeignName(path: string): boolean {
  return path.normalize('NFC') !== path
}

function foreignIn(device: WorldDevice): string | undefined {
  return [...device.tree().keys()].find(isForeignName)
}

/** Names that stand in nobody's way, or of which nobody is told. */
function untold(device: WorldDevice): string[] {
  const tree = device.tree()
  const path = foreignIn(device)
  if (path === undefined) return []
  if (!tree.has(path.normalize('NFC')))
    return [`${device.name} leaves ${JSON.stringify(path)} as it is: ${device.describe()}`]
  const { problems } = device.replica.view.status()
  return problems.some((problem) => problem.path === path)
    ? []
    : [`${device.name} does not tell of ${JSON.stringify(path)}`]
}
