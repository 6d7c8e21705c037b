import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkBlocksText } from '../../src/manifest/decode-entry.ts'
import { entryLine, headLine, isoTime, problemsLine } from '../../src/manifest/encode-manifest.ts'
import { readManifest, wholeManifestBytesMax } from '../../src/manifest/read-manifest.ts'
import { aTree, file, folder, manifestText, readText } from './sample-manifest.ts'

const seed = 3
const head = headLine({ folder: '/f', createdAtMs: 0 })
const end = '],"files":1,"folders":0,"links":0,"bytes":1}\n'
const hash = 'A'.repeat(43)

describe('the text of a manifest', () => {
  it('is read as it was written, however it is cut into chunks', async () => {
    await fc.assert(
      fc.asyncProperty(aTree, fc.integer({ min: 1, max: 300 }), async (tree, chunkBytes) => {
        const problems = [{ path: 'p', reason: 'r' }]
        expect(await readText(manifestText(tree, problems), chunkBytes)).toEqual({ entries: tree, problems })
      }),
      { seed, numRuns: 100 },
    )
  })

  it('is read alike when another program has laid it out anew', async () => {
    await fc.assert(
      fc.asyncProperty(aTree, fc.constantFrom(0, 2), async (tree, indent) => {
        const text = JSON.stringify(JSON.parse(manifestText(tree)), null, indent)
        expect(await readText(text, 64)).toEqual({ entries: tree, problems: [] })
      }),
      { seed, numRuns: 100 },
    )
  })

  it('has one line for an entry, and fields that a script can use', () => {
    const entry = file('a/x\ny', 'abc', { mtimeNs: 1_700_000_000_123_456_789n })
    const line = entryLine(entry, `["${hash}",3]`)
    expect(line).not.toContain('\n')
    expect(JSON.parse(line)).toEqual({
      path: 'a/x\ny',
      kind: 'file',
      sizeBytes: 3,
      mtime: '2023-11-14T22:13:20.123456789Z',
      mtimeNs: '1700000000123456789',
      sha256: entry.sha256,
      executable: false,
      blocks: [[hash, 3]],
    })
  })

  it('names times before 1970, and none that no date can be', () => {
    expect(isoTime(-1n)).toBe('1969-12-31T23:59:59.999999999Z')
    expect(isoTime(10n ** 30n)).toBeNull()
  })
})

describe('a manifest that is not right', () => {
  const good = entryLine(file('a', 'x'))
  const cases: readonly (readonly [why: string, text: string, message: RegExp])[] = [
    ['is empty', '', /is not JSON/],
    ['is something else', '{"a":1}', /does not begin with "p2psyncManifest"/],
    [
      'is newer',
      head.replace(':1,', ':2,'),
      /line 1: it was written by a newer p2psync \(format 2, this one reads 1\)/,
    ],
    ['was cut off', `${head}${good},\n`, /line 3: the manifest was cut off/],
    ['was cut off in a line', `${head}${good.slice(0, -9)}`, /line 2: it is not JSON/],
    ['has no end', `${head}${good}\n${problemsLine}`, /cut off/],
    ['goes on after its end', `${head}${good}\n${problemsLine}${end}x`, /line 5: something follows the end/],
    ['has no comma', `${head}${good}\n${entryLine(file('b', 'x'))}\n`, /line 3: a comma is missing/],
    ['has a path twice', `${head}${good},\n${good}\n`, /line 3: "path" is not in path order: "a" after "a"/],
    ['leads outside', `${head}${entryLine(folder('../a'))}\n`, /line 2: "path" has an empty, \. or \.\. name/],
    ['has an absolute path', `${head}${entryLine(folder('/a'))}\n`, /"path" has an empty/],
    ['has a bad hash', `${head}${good.replace(/"sha256":"../, '"sha256":"')}\n`, /"sha256" is not 64/],
    ['has a bad size', `${head}${good.replace('"sizeBytes":1', '"sizeBytes":1.5')}\n`, /"sizeBytes" is not a whole/],
    ['has a bad time', `${head}${good.replace('"mtimeNs":"1"', '"mtimeNs":1')}\n`, /"mtimeNs" is not a text of digits/],
    ['has a bad kind', `${head}${good.replace('"file"', '"pipe"')}\n`, /"kind" is not/],
    ['has a list for an entry', `${head}[]\n`, /line 2: the entry is not an object/],
    ['has blocks of another size', `${head}${entryLine(file('a', 'x'), `["${hash}",2]`)}\n`, /make 2 bytes .* says 1/],
    ['has blocks that are none', `${head}${entryLine(file('a', 'x'), '[[[[[[')}\n`, /"blocks" holds something/],
  ]
  it.each(cases)('is refused with its place when it %s', async (_, text, message) => {
    await expect(readText(text)).rejects.toThrow(message)
    await expect(readText(text)).rejects.toMatchObject({ code: 'bad-manifest' })
  })

  it.each([0, 2])('names the entry where lines mean nothing (indented by %d)', async (indent) => {
    const text = JSON.stringify(JSON.parse(manifestText([file('a', 'x'), file('b', 'y')])), null, indent)
    await expect(readText(text.replace('"b"', '"a"'))).rejects.toThrow(/entry 2: "path" is not in path order/)
  })

  it('is refused when it is not UTF-8', async () => {
    const bytes = Buffer.from(`${head}${good}\n`)
    bytes[head.length + 10] = 0xff
    const source = (async function* () {
      yield await Promise.resolve(bytes)
    })()
    await expect(readManifest(source, { name: 'it' }).next()).rejects.toThrow(
      'it is not a manifest that can be read: line 2: it is not UTF-8',
    )
  })

  it('takes no more memory than it may, whatever comes', async () => {
    const chunk = Buffer.alloc(1024 * 1024, '[')
    let sent = 0
    const endless = async function* (first: string): AsyncGenerator<Uint8Array> {
      yield Buffer.from(first)
      for (;;) {
        sent += chunk.length
        yield await Promise.resolve(chunk)
      }
    }
    const read = async (first: string): Promise<void> => {
      for await (const part of readManifest(endless(first), { name: 'it' })) expect(part.entries).toEqual([])
    }
    await expect(read('')).rejects.toThrow(/longer than the 64 MiB/)
    expect(sent).toBeLessThan(wholeManifestBytesMax + 2 * chunk.length)
    await expect(read(head)).rejects.toThrow(/a line is longer than 112 MiB/)
  })

  it('is refused for a nested entry before that is parsed', async () => {
    const nested = `{"path":"a","kind":"folder","x":${'['.repeat(300_000)}${']'.repeat(300_000)}}`
    await expect(readText(`${head}${nested}\n`)).rejects.toThrow(/line 2: an entry is longer/)
  })
})

describe('the blocks of a file', () => {
  it('are checked in a time that grows with their number only', () => {
    const blocks = Array.from({ length: 200_000 }, () => `["${hash}",7]`).join(',')
    expect(() => checkBlocksText(blocks, 1_400_000)).not.toThrow()
    expect(() => checkBlocksText(`${blocks},`, 1_400_000)).toThrow('not a hash and a length')
    expect(() => checkBlocksText('', 0)).not.toThrow()
  })
})
