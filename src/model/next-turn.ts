/** Resolves when all that waits for the event loop by now has had its turn: long work does not hold up the network. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** As `Array.map`, for many rows that are encoded or decoded: others have their turn every few milliseconds. */
export async function mapInTurns<Item, Result>(items: Iterable<Item>, map: (item: Item) => Result): Promise<Result[]> {
  const results: Result[] = []
  await eachInTurns(items, (item) => results.push(map(item)))
  return results
}

/** Does `act` with each, in order; others have their turn every few milliseconds. */
export async function eachInTurns<Item>(items: Iterable<Item>, act: (item: Item) => void): Promise<void> {
  let count = 0
  for (const item of items) {
    act(item)
    if (++count % itemsPerTurn === 0) await nextTurn()
  }
}

const itemsPerTurn = 250
