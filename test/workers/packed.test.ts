import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BlockHash } from '../../src/model/block-hash.ts'
import { AssertionError, P2psyncError, systemCode } from '../../src/model/errors.ts'
import type { DiskState } from '../../src/model/disk-state.ts'
import type { RelativePath } from '../../src/model/relative-path.ts'
import type { HashRequest, HashResult } from '../../src/ports/file-tasks.ts'
import { ownBytes, transferList } from '../../src/workers/own-bytes.ts'
import { packError, unpackError } from '../../src/workers/packed-error.ts'
import {
  packHashRequests,
  packHashResults,
  unpackHashRequests,
  unpackHashResults,
} from '../../src/workers/packed-hash.ts'

const states: fc.Arbitrary<DiskState> = fc.record({
  kind: fc.constantFrom('file', 'folder', 'symlink'),
  sizeBytes: fc.nat(2 ** 48 - 1),
  mtimeNs: fc.oneof(
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.bigInt({ min: -(2n ** 71n), max: 2n ** 71n - 1n }),
  ),
  ctimeNs: fc.bigInt({ min: 0n, max: 2n ** 64n }),
  inode: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  mode: fc.integer({ min: 0, max: 0o7777 }),
})
const paths = fc
  .string({ minLength: 1, unit: 'grapheme' })
  .filter((text) => !text.includes('\0'))
  .map((text) => text as RelativePath)
const requests: fc.Arbitrary<HashRequest[]> = fc.array(
  fc.record({ path: paths, disk: states, earlier: fc.uint8Array() }, { requiredKeys: ['path', 'disk'] }),
)
const contents = fc.base64String({ minLength: 4 }).map((hash) => hash as BlockHash)

describe('packing', () => {
  it('gives hash requests back as they were', () => {
    fc.assert(
      fc.property(requests, (files) => {
        expect(unpackHashRequests(structuredClone(packHashRequests(files)))).toEqual(files)
      }),
    )
  })

  it('gives hash results back as they were, whatever became of each file', () => {
    const outcomes = fc.record({
      outcome: fc.constantFrom('hashed', 'hashed-otherwise', 'changed', 'gone', 'failed'),
      content: contents,
      blockList: fc.option(fc.uint8Array()),
    })
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.record({ path: paths, disk: states }), outcomes)), (cases) => {
        const files = cases.map(([file]) => file)
        const results = cases.map(([file, { outcome, content, blockList }]): HashResult => {
          const { path } = file
          if (outcome === 'failed') return { outcome, path, reason: 'why' }
          if (outcome === 'changed' || outcome === 'gone') return { outcome, path }
          const disk = outcome === 'hashed' ? file.disk : { ...file.disk, mode: 1 }
          return { outcome: 'hashed', path, disk, content, blockList }
        })
        expect(unpackHashResults(files, structuredClone(packHashResults(files, results)))).toEqual(results)
      }),
    )
  })

  it('keeps the class and code of an error', () => {
    const again = (error: unknown) => unpackError(structuredClone(packError(error)))
    const ours = again(new P2psyncError('disk-full', 'no room', { hint: 'make some' }))
    expect(ours).toBeInstanceOf(P2psyncError)
    expect(ours).toMatchObject({ code: 'disk-full', message: 'no room', hint: 'make some' })
    expect(systemCode(again(Object.assign(new Error('EIO: bad'), { code: 'EIO' })))).toBe('EIO')
    expect(again(new AssertionError('never'))).toBeInstanceOf(AssertionError)
    expect(systemCode(again(Object.assign(new TypeError('bad'), { code: 'ERR_INVALID_ARG_TYPE' })))).toBe('')
    expect(again('thrown text').message).toBe('thrown text')
  })
})

describe('ownBytes', () => {
  it('copies a view of part of a buffer, and nothing else', () => {
    const whole = new Uint8Array(8)
    expect(ownBytes(whole)).toBe(whole)
    const part = ownBytes(whole.subarray(2, 4))
    expect(part.buffer.byteLength).toBe(2)
    expect(ownBytes(Buffer.from('pooled')).buffer.byteLength).toBe(6)
    expect(ownBytes(new Uint8Array(new SharedArrayBuffer(4))).buffer).toBeInstanceOf(ArrayBuffer)
  })

  it('hands over each buffer once, and never an empty one', () => {
    const bytes = new Uint8Array(8)
    expect(transferList([bytes, new Uint8Array(0), bytes])).toEqual([bytes.buffer])
  })
})
