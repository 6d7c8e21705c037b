/** Resolves when all that waits for the event loop by now has had its turn: long work does not hold up the network. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** So many rows are encoded or decoded in one go: a few milliseconds. */
export const rowsPerTurn = 250
