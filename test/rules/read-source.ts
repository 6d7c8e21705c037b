import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseSync } from 'oxc-parser'

/** What the rules ask of one source file. Paths are relative to the repository, with `/`. */
export interface SourceFile {
  readonly path: string
  readonly lineCount: number
  readonly imports: readonly Import[]
  /** Names of globals and locals as they are used (`Date.now`, `console`), without properties and without types. */
  readonly names: ReadonlySet<string>
  readonly hasDefaultExport: boolean
}

export interface Import {
  /** A path in the repository, or the name of a package (without what follows it) or of a module of Node. */
  readonly target: string
  /** The names that are taken from it; empty for `*` and for an import at run time. */
  readonly names: readonly string[]
  readonly typeOnly: boolean
}

const repository = resolve(import.meta.dirname, '../..')

/** All TypeScript and JavaScript sources below some folders of the repository, parsed. @throws when one does not parse. */
export function readSources(...folders: readonly string[]): readonly SourceFile[] {
  return folders.flatMap((folder) =>
    readdirSync(join(repository, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^[^.].*\.[jt]s$/.test(entry.name) && !entry.name.endsWith('.as.ts'))
      .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
      .toSorted()
      .map((path) => parseSource(path, readFileSync(join(repository, path), 'utf8'))),
  )
}

/** Reads what the rules ask for out of one file's text. */
export function parseSource(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]!.message}`)
  const imports: Import[] = []
  const names = new Set<string>()
  let hasDefaultExport = false
  visit(program as unknown as Syntax, (node, parent, key) => {
    const found = asImport(node)
    if (found !== null) imports.push({ ...found, target: resolveTarget(path, found.target) })
    if (node.type === 'ExportDefaultDeclaration') hasDefaultExport = true
    const name = asName(node, parent, key)
    if (name !== null) names.add(name)
  })
  return { path, lineCount: text.split('\n').length - 1, imports, names, hasDefaultExport }
}

/** A node of the syntax tree as ESTree has it. */
interface Syntax {
  readonly type: string
  readonly [key: string]: unknown
}

function visit(root: Syntax, see: (node: Syntax, parent: Syntax | null, key: string) => void): void {
  const todo: [node: Syntax, parent: Syntax | null, key: string][] = [[root, null, '']]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [node, parent, key] = next
    see(node, parent, key)
    for (const [name, value] of Object.entries(node)) {
      for (const child of Array.isArray(value) ? value : [value]) if (isSyntax(child)) todo.push([child, node, name])
    }
  }
}

function isSyntax(value: unknown): value is Syntax {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

function asImport(node: Syntax): Import | null {
  switch (node.type) {
    case 'ImportDeclaration':
    case 'ExportNamedDeclaration':
    case 'ExportAllDeclaration':
    case 'ImportExpression':
    case 'TSImportType':
      break
    default:
      return null
  }
  const { source } = node
  if (!isSyntax(source) || typeof source['value'] !== 'string') return null
  const specifiers = (node['specifiers'] ?? []) as readonly Syntax[]
  const typeOnly = [node['importKind'], node['exportKind']].includes('type') || node.type === 'TSImportType'
  const allTypes = specifiers.length > 0 && specifiers.every((one) => one['importKind'] === 'type')
  const names = specifiers.flatMap((one) => (isSyntax(one['imported']) ? [String(one['imported']['name'])] : []))
  return { target: source['value'], names, typeOnly: typeOnly || allTypes }
}

function asName(node: Syntax, parent: Syntax | null, key: string): string | null {
  if (node.type === 'MemberExpression') {
    const { object, property, computed } = node
    const simple = computed === false && isSyntax(object) && object.type === 'Identifier' && isSyntax(property)
    return simple ? `${String(object['name'])}.${String(property['name'])}` : null
  }
  if (node.type === 'NewExpression' && (node['arguments'] as unknown[]).length === 0) {
    const { callee } = node
    return isSyntax(callee) && callee.type === 'Identifier' ? `new ${String(callee['name'])}()` : null
  }
  if (node.type !== 'Identifier' || parent === null) return null
  const isProperty = ['property', 'key'].includes(key) && parent['computed'] !== true
  return isProperty || parent.type.startsWith('TS') ? null : String(node['name'])
}

function resolveTarget(from: string, target: string): string {
  if (target.startsWith('.')) return join(dirname(from), target)
  if (target.startsWith('node:')) return target
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/')
}
