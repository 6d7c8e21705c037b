import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { mutations } from './bank.ts'
import { mutate } from './mutation.ts'

describe('the mutation bank', () => {
  it('has at least 40 bugs, each with a name of its own', () => {
    const names = mutations.map(({ name }) => name)
    expect(names.length).toBeGreaterThanOrEqual(40)
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([])
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)+$/.test(name))).toEqual([])
  })

  it('still applies: the text of each bug occurs once, and is another after it', () => {
    const stale = mutations.filter((mutation) => {
      const source = readFileSync(mutation.file, 'utf8')
      const mutated = mutate(source, mutation)
      return mutated === null || mutated === source
    })
    expect(stale.map(({ name, file }) => `${name} in ${file}`)).toEqual([])
  })

  it('names tests that are there', () => {
    const missing = mutations.flatMap(({ caughtBy }) => caughtBy.filter((path) => !existsSync(path)))
    expect(missing).toEqual([])
    expect(mutations.filter(({ caughtBy }) => caughtBy.length === 0)).toEqual([])
  })

  it('finds a text that occurs twice, or not at all', () => {
    expect(mutate('a b a', { text: 'b', bug: 'c' })).toBe('a c a')
    expect(mutate('a b a', { text: 'a', bug: 'c' })).toBeNull()
    expect(mutate('aaa', { text: 'aa', bug: 'c' })).toBeNull()
    expect(mutate('a b a', { text: 'd', bug: 'c' })).toBeNull()
  })
})
