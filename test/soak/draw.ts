import { SeededRandom } from '../twins/seeded-random.ts'

/** Choices that follow from a seed. */
export class Draw {
  readonly #random: SeededRandom

  constructor(seed: number) {
    this.#random = new SeededRandom(seed)
  }

  of<Item>(items: readonly Item[]): Item {
    return items[Math.floor(this.#random.fraction() * items.length)]!
  }

  /** An integer; both ends are possible. */
  between(min: number, max: number): number {
    return min + Math.floor(this.#random.fraction() * (max - min + 1))
  }

  /** True this often, from 0 to 1. */
  chance(share: number): boolean {
    return this.#random.fraction() < share
  }

  /** One of the items, each as often as its weight says. */
  weighted<Item>(items: readonly (readonly [weight: number, item: Item])[]): Item {
    let rest = this.#random.fraction() * items.reduce((sum, [weight]) => sum + weight, 0)
    return (items.find(([weight]) => (rest -= weight) < 0) ?? items.at(-1)!)[1]
  }
}
