import type { WriterId } from './writer-id.ts'

/**
 * How far each writer's changes are included: pairs of writer and counter (1 to 2^48 - 1), ordered by writer, each
 * writer once. What can be done with one is in `src/vector-clock`.
 */
export type VersionVector = readonly (readonly [writer: WriterId, counter: number])[]

export const emptyVersion: VersionVector = []
