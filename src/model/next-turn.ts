/** Resolves when all that waits for the event loop by now has had its turn: long work does not hold up the network. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** As `Array.map`, for many rows that are encoded or decoded: others have their turn every few milliseconds. */
export async function mapInTurns<Item, Result>(items: Iterable<Item>, map: (item: Item) => Result): Promise<Result[]> {
  const results: Result[] = []
  for (const item of items) {
    results.push(map(item))
    if (results.length % itemsPerTurn === 0) await nextTurn()
  }
  return results
}

const itemsPerTurn = 250
