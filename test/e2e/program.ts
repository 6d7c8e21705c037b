import { readdirSync, statSync } from 'node:fs'
import { resolve } from 'node:path'

export const repository = resolve(import.meta.dirname, '../..')

/**
 * What Node is to run: the build, as users do, if it is newer than all that it was made of, as in `npm test`; else the
 * sources, which start three times as slowly. Never a build that is old.
 */
export function mainFile(): string {
  const built = resolve(repository, 'dist/main.js')
  const builtMs = statSync(built, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = ['src', 'cli', 'scripts', 'package-lock.json'].map((name) => resolve(repository, name))
  return sources.every((source) => newestMs(source) < builtMs) ? built : resolve(repository, 'cli/main.ts')
}

function newestMs(path: string): number {
  const stat = statSync(path)
  if (!stat.isDirectory()) return stat.mtimeMs
  const inside = readdirSync(path, { recursive: true }).map((name) => statSync(resolve(path, String(name))).mtimeMs)
  return Math.max(stat.mtimeMs, ...inside)
}
