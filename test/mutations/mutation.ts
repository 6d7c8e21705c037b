/** A bug that is put into the sources on purpose, to see that a test catches it. */
export interface Mutation {
  /** What the bug does, in a few words with hyphens between. */
  readonly name: string
  /** Relative to the checkout. */
  readonly file: string
  /** Occurs once in the file. */
  readonly text: string
  /** What stands there instead. */
  readonly bug: string
  /** The test files of which one must fail. */
  readonly caughtBy: readonly string[]
  /** For the random tests: so many runs of each, with one seed. Without, what `npm test` runs. */
  readonly randomRuns?: number
  /** The random schedules of `npm test` catch it as well. */
  readonly simulated?: true
}

/** `source` with the bug in it, or null when its text does not occur exactly once. */
export function mutate(source: string, { text, bug }: Pick<Mutation, 'text' | 'bug'>): string | null {
  const at = source.indexOf(text)
  if (at < 0 || source.includes(text, at + 1)) return null
  return source.slice(0, at) + bug + source.slice(at + text.length)
}
