import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

interface Manifest {
  readonly name: string
  readonly version: string
  readonly license?: string
}

/**
 * The name, version and licence texts of each package that one of these files is part of.
 *
 * @throws when a package names no licence.
 */
export function thirdPartyNotices(modulePaths: readonly string[]): string {
  const folders = new Set(modulePaths.map(packageFolder).filter((folder) => folder !== null))
  const notices = [...folders].map(notice).toSorted((a, b) => (a < b ? -1 : 1))
  return ['p2psync contains these packages.', ...new Set(notices)].join(`\n\n${'-'.repeat(80)}\n\n`) + '\n'
}

function packageFolder(modulePath: string): string | null {
  return /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/.exec(modulePath)?.[0] ?? null
}

function notice(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  if (typeof manifest.license !== 'string') throw new Error(`${manifest.name} names no licence`)
  const texts = readdirSync(folder)
    .filter((name) => /^(licen[cs]e|notice|copying)/i.test(name))
    .toSorted()
    .map((name) => readFileSync(join(folder, name), 'utf8').trim())
  return [`${manifest.name} ${manifest.version} (${manifest.license})`, ...texts].join('\n\n')
}
