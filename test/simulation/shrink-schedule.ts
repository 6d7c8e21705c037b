import type { Operation, Schedule } from './schedule.ts'

/**
 * A smaller schedule that fails too: first without parts of its operations, ever smaller ones (Zeller and Hildebrandt
 * 2002, Simplifying and Isolating Failure-Inducing Input), then with fewer devices, a simpler network and smaller
 * numbers. Asks `fails` up to `triesMax` times.
 */
export async function shrinkSchedule(
  schedule: Schedule,
  fails: (smaller: Schedule) => Promise<boolean>,
  triesMax = 400,
): Promise<Schedule> {
  let tries = 0
  let smallest = schedule
  const attempt = async (smaller: Schedule): Promise<boolean> => {
    if (tries++ >= triesMax || !(await fails(smaller))) return false
    smallest = smaller
    return true
  }
  for (let before = null as Schedule | null; before !== smallest;) {
    before = smallest
    await shrinkOperations(() => smallest, attempt)
    for (const simpler of simplerNetworks(smallest)) await attempt({ ...smallest, ...simpler })
    await shrinkNumbers(() => smallest, attempt)
  }
  return smallest
}

type Attempt = (smaller: Schedule) => Promise<boolean>

async function shrinkOperations(current: () => Schedule, attempt: Attempt): Promise<void> {
  for (let length = Math.ceil(current().operations.length / 2); length >= 1; length = Math.floor(length / 2)) {
    for (let at = current().operations.length - length; at >= 0; at -= length) {
      const { operations } = current()
      await attempt({ ...current(), operations: operations.toSpliced(at, length) })
    }
  }
}

function simplerNetworks(schedule: Schedule): Partial<Schedule>[] {
  const simpler: Partial<Schedule>[] = [{ topology: 'complete' }, { delayMsMax: 0 }, { bytesPerSecond: 0 }]
  simpler.push({ loss: 0 }, { lateSaves: false })
  for (let nodes = 2; nodes < schedule.nodes; nodes++) simpler.unshift({ nodes })
  return simpler.filter((part) =>
    Object.entries(part).some(([key, value]) => (schedule[key as keyof Schedule] ?? value) !== value),
  )
}

const shrinking = ['calls', 'count', 'frames', 'ms'] as const

async function shrinkNumbers(current: () => Schedule, attempt: Attempt): Promise<void> {
  for (let at = 0; at < current().operations.length; at++) {
    for (const field of shrinking) {
      for (;;) {
        const operation = current().operations[at]! as Operation & Partial<Record<(typeof shrinking)[number], number>>
        const number = operation[field]
        if (number === undefined || number < 2) break
        const smaller = { ...operation, [field]: Math.floor(number / 2) }
        if (!(await attempt({ ...current(), operations: current().operations.with(at, smaller) }))) break
      }
    }
  }
}
