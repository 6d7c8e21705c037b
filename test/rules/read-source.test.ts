import { describe, expect, it } from 'vitest'
import { parseSource } from './read-source.ts'

describe('the reader of sources', () => {
  it('sees every kind of import, and what is used', () => {
    const file = parseSource(
      'src/a/b.ts',
      `import type { A } from './c.ts'
       import { type B } from '../d.ts'
       export { e } from './e.ts'
       export * from '@scope/name/deep'
       const f = await import('./f.ts')
       type G = import('./g.ts').G
       console.log(Date.now(), new Date(), new Date(0), f.setTimeout, 'Math.random()')
       setTimeout(() => undefined)
       export default 1`,
    )
    const { imports, names, hasDefaultExport } = file
    const targets = ['src/a/c.ts', 'src/d.ts', 'src/a/e.ts', '@scope/name', 'src/a/f.ts', 'src/a/g.ts']
    expect(new Set(imports.map((one) => one.target))).toEqual(new Set(targets))
    expect(imports.filter((one) => one.typeOnly)).toHaveLength(3)
    for (const name of ['console.log', 'Date.now', 'new Date()', 'setTimeout']) expect(names).toContain(name)
    expect(names).not.toContain('Math.random')
    expect(hasDefaultExport).toBe(true)
  })
})
