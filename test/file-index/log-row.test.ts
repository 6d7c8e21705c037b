import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { contentsInLogRow, decodeLogRow, logRows, type LogEntry } from '../../src/file-index/log-row.ts'

const someContent = fc.option(fc.uint8Array({ minLength: 32, maxLength: 32 }).filter((hash) => hash[0] !== 0))
const someEntries = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.nat(3), fc.nat(200_000)),
      key: fc.uint8Array({ maxLength: 40 }),
      content: someContent,
    }),
    { maxLength: 300 },
  )
  .map((parts) => {
    let seq = 0
    return parts.map(({ gap, key, content }): LogEntry => ({ seq: (seq += 1 + gap), key, content }))
  })

describe('rows of the log', () => {
  it('give back each change, its path and the beginning of its content', () => {
    fc.assert(
      fc.property(someEntries, (entries) => {
        const rows = logRows(entries).map(
          (put) => [put.key, put.type === 'put' ? put.value : new Uint8Array(0)] as const,
        )
        const read = rows.flatMap(([key, value]) => decodeLogRow(key, value))
        expect(read.map(({ seq, key }) => ({ seq, key: [...key] }))).toEqual(
          entries.map(({ seq, key }) => ({ seq, key: [...key] })),
        )
        const heads: string[] = []
        for (const [key, value] of rows) {
          contentsInLogRow(key, value, (seq, high, low) => heads.push(`${seq} ${high} ${low}`))
        }
        const expected = entries.flatMap(({ seq, content }) => {
          if (content === null) return []
          const bytes = Buffer.from(content)
          return [`${seq} ${bytes.readUInt32BE(0)} ${bytes.readUInt32BE(4)}`]
        })
        expect(heads).toEqual(expected)
      }),
      { numRuns: 60 },
    )
  })

  it('are refused when they are cut off anywhere', () => {
    const [row] = logRows(['a', 'a/b', 'a/c'].map((path, seq) => ({ seq, key: Buffer.from(path), content: null })))
    const value = row?.type === 'put' ? row.value : new Uint8Array(0)
    expect(decodeLogRow(row!.key, value)).toHaveLength(3)
    for (let length = 0; length < value.length; length++) {
      expect(() => decodeLogRow(row!.key, value.subarray(0, length))).toThrow('cannot be read')
    }
  })
})
