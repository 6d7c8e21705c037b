import { isBuiltin } from 'node:module'
import process from 'node:process'
import type { Plugin } from 'rolldown'

/**
 * Takes only what is used from the modules of Node. An `import` of one of them has Node read all that it exports, and some
 * of that is loaded when it is read: `node:http` brings in the whole of `fetch`, 75 ms of processor time.
 */
export function builtinModules(): Plugin {
  return {
    name: 'builtin-modules',
    resolveId(id, _importer, { kind }) {
      return kind === 'import-statement' && isBuiltin(id) ? `${prefix}${id.replace(/^node:/, '')}` : null
    },
    load(id) {
      if (!id.startsWith(prefix)) return null
      return { code: moduleText(id.slice(prefix.length)), moduleType: 'js', moduleSideEffects: false }
    },
  }
}

const prefix = '\0builtin:'

function moduleText(name: string): string {
  const builtin = process.getBuiltinModule(name) as object
  const names = Object.keys(builtin).filter((key) => /^[A-Za-z_$][\w$]*$/.test(key) && key !== 'default')
  return [
    `const builtin = process.getBuiltinModule('node:${name}')`,
    // What nobody imports is then left out, and not read.
    'const read = (name) => builtin[name]',
    ...names.map((key) => `const $${key} = /* @__PURE__ */ read('${key}')`),
    `export { ${names.map((key) => `$${key} as ${key}`).join(', ')} }`,
    'export default builtin',
  ].join('\n')
}
