import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hashBytes } from '../../src/blocks/hash.ts'
import { emptyKeyLevel, fanOut, keyLevel } from '../../src/merkle/key-level.ts'
import { buildTree, childrenOf, emptyTree, rootHash, treeHeight } from '../../src/merkle/merkle-tree.ts'
import { pathKey, type RelativePath } from '../../src/model/relative-path.ts'
import { aPath, numbered, SampleTree, someContents, treeOf } from './sample-tree.ts'

interface Vector {
  readonly name: string
  readonly entries: readonly (readonly [path: RelativePath, value: number])[]
  readonly numbered: number
  readonly height: number
  readonly root: string
}

const { vectors } = JSON.parse(readFileSync(new URL('../vectors/merkle-roots.json', import.meta.url), 'utf8')) as {
  vectors: readonly Vector[]
}

describe('the Merkle tree', () => {
  it('has a root that does not depend on the order of insertion', () => {
    const shuffled = someContents.chain((contents) => {
      const pairs = [...contents]
      return fc.shuffledSubarray(pairs, { minLength: pairs.length, maxLength: pairs.length })
    })
    fc.assert(
      fc.property(shuffled, fc.integer({ min: 1, max: 50 }), (pairs, step) => {
        const tree = new SampleTree()
        for (let at = 0; at < pairs.length; at += step) tree.edit(new Map(pairs.slice(at, at + step)))
        expect(tree.tree).toEqual(treeOf(new Map(pairs)))
      }),
    )
  })

  it('is after any history of puts and removals the tree that is built at once', () => {
    const someEdits = fc.array(fc.array(fc.tuple(aPath, fc.option(fc.nat(3))), { maxLength: 60 }), { maxLength: 8 })
    fc.assert(
      fc.property(someContents, someEdits, (contents, history) => {
        const tree = new SampleTree(contents)
        for (const edits of history) {
          tree.edit(new Map(edits))
          expect(tree.tree).toEqual(treeOf(tree.contents))
        }
      }),
    )
  })

  it.each([
    ['many', numbered(500), 1],
    // Where a leaf opens, the one before it does not change.
    ['one', new Map([...numbered(3000)].filter(([path]) => keyLevel(pathKey(path)) > 0)), 2],
  ])(
    'is the tree that is built at once when a key that opens nodes comes and goes: %s a leaf',
    (_, contents, levelMin) => {
      const whole = rootHash(treeOf(contents))
      expect(treeHeight(treeOf(contents))).toBeGreaterThan(1)
      const tree = new SampleTree(contents)
      for (const path of contents.keys()) {
        if (keyLevel(pathKey(path)) < levelMin) continue
        tree.edit(new Map([[path, null]]))
        expect(rootHash(tree.tree)).toEqual(rootHash(treeOf(tree.contents)))
        tree.edit(new Map([[path, 1]]))
        expect(rootHash(tree.tree)).toEqual(whole)
      }
    },
  )

  it('is empty again when everything was taken away', () => {
    const contents = numbered(2000)
    const tree = new SampleTree(contents)
    tree.edit(new Map(Array.from(contents.keys(), (path) => [path, null])))
    expect(rootHash(tree.tree)).toEqual(new Uint8Array(32))
    expect(treeHeight(tree.tree)).toBe(0)
  })

  it('has another root when one record differs', () => {
    fc.assert(
      fc.property(someContents, aPath, (contents, path) => {
        const changed = new Map(contents).set(path, 100)
        expect(rootHash(treeOf(changed))).not.toEqual(rootHash(treeOf(contents)))
      }),
    )
  })

  it('keeps its boundaries when values change', () => {
    const contents = numbered(3000)
    const changed = new Map(Array.from(contents.keys(), (path) => [path, 9]))
    const shape = (tree: ReturnType<typeof treeOf>): Uint8Array[][] => {
      return tree.levels.map((nodes) => nodes.map((node) => node.firstKey))
    }
    expect(shape(treeOf(changed))).toEqual(shape(treeOf(contents)))
  })

  it('lists the children of every node, together the level below', () => {
    const tree = treeOf(numbered(3000))
    for (let level = 1; level <= treeHeight(tree); level++) {
      const children = tree.levels[level]!.flatMap((node) => childrenOf(tree, level, node.firstKey))
      expect(children).toEqual(tree.levels[level - 1])
    }
    expect(childrenOf(tree, 1, Buffer.from('not a boundary'))).toEqual([])
  })

  it('leaves the tree from which another was made as it was', () => {
    const tree = new SampleTree(numbered(500))
    const before = tree.tree
    tree.edit(new Map([['folder 1/file 7x' as RelativePath, 1]]))
    expect(before).toEqual(treeOf(numbered(500)))
  })

  it('refuses leaves that do not begin at the empty key', () => {
    expect(() => buildTree([])).toThrow('empty key')
  })

  it.each(vectors)('has the golden root of $name', (vector) => {
    const tree = treeOf(new Map([...vector.entries, ...numbered(vector.numbered)]))
    expect(Buffer.from(rootHash(tree)).toString('hex')).toBe(vector.root)
    expect(treeHeight(tree)).toBe(vector.height)
  })
})

describe('the level of a key', () => {
  it('is above zero for one key in sixteen', () => {
    const levels = Array.from({ length: 16_000 }, (_, i) => keyLevel(Buffer.from(`key ${i}`)))
    const opening = levels.filter((level) => level > 0).length
    expect(opening).toBeGreaterThan(16_000 / fanOut - 150)
    expect(opening).toBeLessThan(16_000 / fanOut + 150)
  })

  it('is the number of zero nibbles at the end of the first 8 bytes of the hash of the key', () => {
    for (let i = 0; i < 20_000; i++) {
      const key = Buffer.from(`key ${i}`)
      const hash = hashBytes(Buffer.concat([Buffer.from('p2psync/merkle/key/1\0'), key]))
      const nibbles = Buffer.from(hash.subarray(0, 8)).toString('hex')
      expect(keyLevel(key)).toBe(nibbles.length - nibbles.replace(/0+$/, '').length)
    }
  })

  it('opens the first node of every level for the empty key', () => {
    expect(keyLevel(new Uint8Array(0))).toBe(emptyKeyLevel)
    expect(emptyTree.levels.length).toBe(1)
  })
})
