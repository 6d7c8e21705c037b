import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { describe, expect, it } from 'vitest'

const repository = join(import.meta.dirname, '../..')
const page = readFileSync(join(repository, 'docs/reliability.md'), 'utf8')
const links = Array.from(page.matchAll(/\[([^\]]+)\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g), ([, name, path]) => ({
  name: name!.replaceAll('\\', ''),
  path: path!,
}))

describe('the page of what is promised', () => {
  it('names tests that are there', () => {
    const sources = new Map(links.map(({ path }) => [path, readFileSync(join(repository, path), 'utf8')]))
    const has = (path: string, name: string): boolean =>
      ["'", '"'].some((quote) => sources.get(path)!.includes(`${quote}${name}${quote}`))
    const missing = links.filter(({ name, path }) => name !== 'A test' && !has(path, name))
    expect(missing).toEqual([])
    expect(links.length).toBeGreaterThan(100)
  })

  it('has a test in every line of its tables', () => {
    const [tables] = page.split('## What is run, and how')
    const rows = [...tables!.split('\n'), ...page.slice(page.indexOf('## Faults')).split('\n')].filter(
      (line) => line.startsWith('| ') && !/^\| (invariant|fault|hazard|bug|-+) /.test(line),
    )
    expect(rows.filter((row) => !row.includes('](../test/'))).toEqual([])
    expect(rows.length).toBeGreaterThan(70)
  })

  it('names every test of this folder', () => {
    const named = new Set(links.map(({ name }) => name))
    const files = readdirSync(import.meta.dirname).filter(
      (file) => file.endsWith('.test.ts') && file !== 'page.test.ts',
    )
    const unnamed = files.flatMap((file) =>
      Array.from(testsOf(`test/reliability/${file}`)).filter((name) => !named.has(name)),
    )
    expect(unnamed).toEqual([])
  })
})

/** The names of a file's tests, as they are written there. */
function testsOf(path: string): ReadonlySet<string> {
  const { program } = parseSync(path, readFileSync(join(repository, path), 'utf8'))
  const names = new Set<string>()
  const todo: unknown[] = [program]
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (typeof node !== 'object' || node === null) continue
    const { type, callee, arguments: [first] = [] } = node as Call
    if (type === 'CallExpression' && isTest(callee) && typeof first?.value === 'string') names.add(first.value)
    todo.push(...Object.values(node))
  }
  return names
}

interface Call {
  readonly type?: string
  readonly name?: string
  readonly callee?: Call
  readonly object?: Call
  readonly arguments?: readonly { readonly value?: unknown }[]
}

/** `it`, `it.each(...)`, `it.skipIf(...)`. */
function isTest(callee: Call | undefined): boolean {
  return callee !== undefined && (callee.name === 'it' || isTest(callee.callee) || isTest(callee.object))
}
