import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { P2psyncError } from '../../src/model/errors.ts'
import { formatFolderKey, parseFolderKey } from '../../src/node/key-text.ts'

const anyKey = fc.uint8Array({ minLength: 32, maxLength: 32 })
const text = 'p2psyncw1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0szqpwwr'

function problemOf(key: string): string {
  try {
    parseFolderKey(key)
  } catch (error) {
    if (error instanceof P2psyncError && error.code === 'bad-key') return error.message
    throw error
  }
  return 'none'
}

describe('the text of a folder key', () => {
  it('gives the key back, in any case and with white space around it', () => {
    fc.assert(
      fc.property(anyKey, fc.constantFrom('', ' ', '\n', '\t '), fc.boolean(), (key, space, upper) => {
        const written = formatFolderKey(key)
        const typed = space + (upper ? written.toUpperCase() : written) + space
        expect(parseFolderKey(typed)).toEqual(key)
      }),
    )
  })

  it('has 67 characters', () => {
    expect(text).toHaveLength(67)
    expect(formatFolderKey(new Uint8Array(32))).toHaveLength(67)
  })

  it('finds one wrong character anywhere behind its prefix', () => {
    fc.assert(
      fc.property(
        anyKey,
        fc.nat(57),
        fc.constantFrom(...'qpzry9x8gf2tvdw0s3jn54khce6mua7l1bio'.split('')),
        (key, at, wrong) => {
          const written = formatFolderKey(key)
          fc.pre(written[9 + at] !== wrong)
          const typed = written.slice(0, 9 + at) + wrong + written.slice(10 + at)
          expect(problemOf(typed)).toContain('typing error')
        },
      ),
    )
  })

  it('tells apart what is no key, a typing error, a wrong length and a kind that it cannot use', () => {
    expect(problemOf('hello')).toContain('not a p2psync key')
    expect(problemOf('')).toContain('not a p2psync key')
    expect(problemOf('p2psyncx1qqqsyqcy')).toContain('not a p2psync key')
    expect(problemOf(text.slice(0, -3))).toContain('typing error (it has 64 characters, a key has 67)')
    expect(problemOf(`P${text.slice(1)}`)).toContain('typing error')
    expect(problemOf(`p2psyncw1${'q'.repeat(5000)}`)).toContain('typing error')
    expect(problemOf('p2psyncw1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc9xttst')).toContain('wrong length')
    expect(problemOf('p2psyncr1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0s6wrlu7')).toContain('read-only')
    expect(problemOf('p2psyncs1qqqsyqcyq5rqwzqfpg9scrgwpugpzysnzs23v9ccrydpk8qarc0s99n6pq')).toContain('store-only')
  })

  it('never repeats what was typed', () => {
    const typed = [
      text.slice(0, -1),
      `${text}q`,
      text.replace('q5rq', 'q5rr'),
      'my secret',
      text.replace('p2psyncw', 'p2psyncr'),
    ]
    for (const key of typed) {
      const problem = problemOf(key)
      for (let at = 0; at + 12 <= Math.max(12, key.length); at++) expect(problem).not.toContain(key.slice(at, at + 12))
    }
  })
})
