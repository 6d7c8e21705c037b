import type { SourceFile } from './read-source.ts'

/**
 * One step of a way from a file back to itself through the imports of `files`, or null when there is no such way. A type
 * that is imported back loads nothing, and is no cycle.
 */
export function findCycle(files: readonly SourceFile[], start: string): string | null {
  const cameFrom = new Map<string, string>()
  const todo = [start]
  for (let path = todo.pop(); path !== undefined; path = todo.pop()) {
    for (const { target, typeOnly } of fileAt(files, path)?.imports ?? []) {
      if (typeOnly) continue
      if (target === start) return `${start} <- ${path}`
      if (cameFrom.has(target) || fileAt(files, target) === undefined) continue
      cameFrom.set(target, path)
      todo.push(target)
    }
  }
  return null
}

/** The packages, and the modules of Node, that are loaded with a file. */
export function packagesBehind(files: readonly SourceFile[], path: string): ReadonlySet<string> {
  const seen = new Set([path])
  const todo = [path]
  const packages = new Set<string>()
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    for (const { target, typeOnly } of fileAt(files, next)?.imports ?? []) {
      if (typeOnly || seen.has(target)) continue
      seen.add(target)
      if (target.startsWith('src/')) todo.push(target)
      else packages.add(target)
    }
  }
  return packages
}

function fileAt(files: readonly SourceFile[], path: string): SourceFile | undefined {
  return files.find((file) => file.path === path)
}
