import { createReadStream, statSync } from 'node:fs'
import { relative } from 'node:path'
import { Command } from 'commander'
import type { ManifestChange, ManifestDifference } from '../src/manifest/diff-manifests.ts'
import type { ManifestPart } from '../src/manifest/manifest-entry.ts'
import type { TreeReaders } from '../src/manifest/tree-readers.ts'
import type { ManifestOptions } from '../src/manifest/write-manifest.ts'
import { errorText, P2psyncError } from '../src/model/errors.ts'
import { countText } from './amounts.ts'
import type { CliContext } from './cli-context.ts'
import { folderPath } from './folder-path.ts'
import { printable } from './printable.ts'
import { exitCodes } from './report-error.ts'
import type { DefineCommand } from './run-cli.ts'
import { TextOutput } from './text-output.ts'

interface DiffOptions {
  readonly quick?: boolean
  readonly times?: boolean
  readonly exitCode?: boolean
  readonly json?: boolean
}

export const defineDiff: DefineCommand = (context, done) =>
  new Command('diff')
    .description('Shows what was CREATED, MODIFIED, DELETED and MOVED between two manifests or folders. Needs no node.')
    .argument('<old>', 'a manifest, a folder, or - for a manifest on stdin')
    .argument('<new>', 'the same')
    .option('--quick', 'of a folder, read only files whose size or time differs from the manifest')
    .option('--times', 'another modification time alone makes a file MODIFIED too')
    .option('--exit-code', 'exit with 1 when there are differences')
    .option('--json', 'print JSON, one object a line')
    .addHelpText('after', diffHelp)
    .action(async (older: string, newer: string, options: DiffOptions) => {
      if (older === '-' && newer === '-') throw new P2psyncError('usage', 'only one of the two can be read from stdin')
      const difference = await compare(older, newer, options, context)
      await print(difference, options, context)
      if (difference.problems.length > 0) {
        tellProblems(difference, context)
        done(exitCodes.failed)
      } else if (options.exitCode === true && difference.changes.length > 0) done(exitCodes.failed)
    })

const diffHelp = `
MODIFIED is another content, kind, link target or executable bit. MOVED is told by content: files of the same SHA-256 and
size, folders that hold the same; a folder that moved as a whole is one line.
The exit code is 0 also when there are differences, unless --exit-code is given.

Examples:
  $ p2psync manifest ./folder > before.json
  $ p2psync diff before.json ./folder
  $ ssh laptop p2psync manifest /home/ada/folder | p2psync diff ./folder -`

/** One of the two sides, not yet opened. */
type Side =
  | { readonly type: 'manifest'; readonly name: string; readonly path: string | null }
  | { readonly type: 'folder'; readonly path: string }

async function compare(
  older: string,
  newer: string,
  options: DiffOptions,
  context: CliContext,
): Promise<ManifestDifference> {
  const { diffManifests } = await import('../src/manifest/diff-manifests.ts')
  const { TreeReaders } = await import('../src/manifest/tree-readers.ts')
  const sides = [await sideOf(older, context), await sideOf(newer, context)] as const
  if (options.quick === true && sides[0].type === sides[1].type) {
    throw new P2psyncError('usage', '--quick compares a manifest with a folder')
  }
  await using readers = new DisposableReaders(new TreeReaders())
  const opening = { sides, readers: readers.readers, context }
  const [before, after] = options.quick === true ? await openQuickly(opening) : await openBoth(opening)
  return await diffManifests(before, after, { times: options.times === true })
}

class DisposableReaders {
  readonly readers: TreeReaders

  constructor(readers: TreeReaders) {
    this.readers = readers
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.readers.stop()
  }
}

async function sideOf(typed: string, context: CliContext): Promise<Side> {
  if (typed === '-') return { type: 'manifest', name: 'stdin', path: null }
  const path = await folderPath(typed, context.workingFolder)
  const found = statSync(path, { throwIfNoEntry: false })
  if (found?.isDirectory() === true) return { type: 'folder', path }
  if (found !== undefined) return { type: 'manifest', name: path, path }
  throw new P2psyncError('folder-missing', `there is neither a manifest nor a folder at ${path}`, {
    hint: 'Write a manifest: p2psync manifest <folder> > FILE.',
  })
}

interface Opening {
  readonly sides: readonly [Side, Side]
  readonly readers: TreeReaders
  readonly context: CliContext
}

type Opened = readonly [AsyncIterable<ManifestPart>, AsyncIterable<ManifestPart>]

async function openBoth(opening: Opening): Promise<Opened> {
  const [older, newer] = opening.sides
  return [await open(older, opening), await open(newer, opening)]
}

// The manifest is kept: it says of which files of the folder the content is known.
async function openQuickly(opening: Opening): Promise<Opened> {
  const { knownFiles } = await import('../src/manifest/known-files.ts')
  const isOldKnown = opening.sides[0].type === 'manifest'
  const parts: ManifestPart[] = []
  for await (const part of await open(opening.sides[isOldKnown ? 0 : 1], opening)) parts.push(part)
  const folder = await open(opening.sides[isOldKnown ? 1 : 0], opening, knownFiles(parts))
  const manifest = (async function* () {
    yield* parts
  })()
  return isOldKnown ? [manifest, folder] : [folder, manifest]
}

async function open(
  side: Side,
  { sides, readers, context }: Opening,
  known?: ManifestOptions['known'],
): Promise<AsyncIterable<ManifestPart>> {
  const { readManifest } = await import('../src/manifest/read-manifest.ts')
  if (side.type === 'manifest') return readManifest(bytesOf(side, context), { name: side.name })
  const { writeManifest } = await import('../src/manifest/write-manifest.ts')
  const bytes = writeManifest({
    readers,
    folder: side.path,
    createdAtMs: context.clock.now(),
    blocks: false,
    // A manifest that lies in the folder is no part of what it describes.
    leaveOut: sides.flatMap((other) =>
      other.type === 'manifest' && other.path !== null ? [relative(side.path, other.path)] : [],
    ),
    ...(known === undefined ? {} : { known }),
  })
  return readManifest(bytes, { name: side.path })
}

async function* bytesOf(side: Extract<Side, { type: 'manifest' }>, context: CliContext): AsyncGenerator<Uint8Array> {
  const source = side.path === null ? context.stdin : createReadStream(side.path, { highWaterMark: 1024 * 1024 })
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array | string>) {
      yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    }
  } catch (error) {
    throw new P2psyncError('disk-failed', `${side.name} cannot be read: ${errorText(error)}`, { cause: error })
  }
}

async function print({ changes }: ManifestDifference, options: DiffOptions, context: CliContext): Promise<void> {
  const output = new TextOutput(context.stdout)
  for (let at = 0; at < changes.length && !output.ended.aborted; at += linesAtOnce) {
    const lines = changes.slice(at, at + linesAtOnce).map((change) => line(change, options.json === true))
    await output.write(lines.join(''))
  }
}

const linesAtOnce = 500

function line(change: ManifestChange, json: boolean): string {
  if (!json) {
    const place =
      change.change === 'moved' ? `${printable(change.from)} -> ${printable(change.path)}` : printable(change.path)
    const count =
      change.change === 'moved' && change.entry.kind === 'folder' ? ` (${countText(change.files, 'file')})` : ''
    return `${change.change.toUpperCase().padEnd(8)} ${place}${count}\n`
  }
  const { entry, path } = change
  const kind = { file: 'file', folder: 'folder', symlink: 'link' }[entry.kind]
  const from = change.change === 'moved' ? { from: change.from } : {}
  const content = entry.kind === 'file' ? { sizeBytes: entry.sizeBytes, sha256: entry.sha256 } : {}
  const files = change.change === 'moved' && entry.kind === 'folder' ? { files: change.files } : {}
  return `${JSON.stringify({ change: change.change, kind, path, ...from, ...content, ...files })}\n`
}

function tellProblems({ problems }: ManifestDifference, context: CliContext): void {
  for (const { path, reason } of problems.slice(0, toldMax)) {
    context.stderr.write(`p2psync: ${printable(path)}: ${printable(reason)}\n`)
  }
  if (problems.length > toldMax) context.stderr.write(`... and ${problems.length - toldMax} more\n`)
  context.stderr.write(`p2psync: ${countText(problems.length, 'path')} could not be read, and not compared\n`)
}

const toldMax = 20
