import { randomBytes, randomInt } from 'node:crypto'
import type { Random } from '../ports/random.ts'

/** The randomness of this machine's operating system. */
export const systemRandom: Random = {
  bytes: (length) => Uint8Array.from(randomBytes(length)),
  fraction: () => randomInt(fractionSteps) / fractionSteps,
}

const fractionSteps = 2 ** 47
