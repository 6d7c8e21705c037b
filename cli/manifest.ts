import { readlinkSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { Command } from 'commander'
import type { ManifestSummary } from '../src/manifest/write-manifest.ts'
import { countText, sizeText } from './amounts.ts'
import type { CliContext } from './cli-context.ts'
import { folderPath } from './folder-path.ts'
import { PacedLines } from './paced-lines.ts'
import { printable } from './printable.ts'
import { ReplacedFile } from './replaced-file.ts'
import { exitCodes } from './report-error.ts'
import type { DefineCommand } from './run-cli.ts'
import { TextOutput } from './text-output.ts'

interface ManifestCommandOptions {
  readonly blocks: boolean
  readonly output?: string
  readonly quiet?: boolean
}

export const defineManifest: DefineCommand = (context, done) =>
  new Command('manifest')
    .description(
      'Writes what a folder holds as JSON: path, size, time, SHA-256 and blocks of each file. Needs no node.',
    )
    .argument('<folder>', 'any folder, synced or not; nothing in it is changed')
    .option('--output <file>', 'write to this file, which is replaced when all is written')
    .option('--no-blocks', 'leave out the blocks that p2psync cuts files into: smaller and faster')
    .option('--quiet', 'show no progress on stderr')
    .option('--json', 'print errors as JSON too; a manifest is JSON in any case')
    .addHelpText('after', manifestHelp)
    .action(async (folder: string, options: ManifestCommandOptions) => {
      const path = await folderPath(folder, context.workingFolder)
      const summary = await write(path, options, context)
      if (summary === null) return done(exitCodes.failed)
      if (summary.problems.length === 0) return
      tellProblems(summary, context)
      done(exitCodes.failed)
    })

const manifestHelp = `
One entry is one line, in path order, so that manifests can be compared by line too; p2psync diff compares them better.
"sha256" is what sha256sum prints. "blocks" are [BLAKE3 in base64url, length], in the order of the file. Links are entries
of their own and not followed; .p2psync and the file that is written are left out.
What cannot be read is listed under "problems", and the exit code is 1; the rest is complete.

Examples:
  $ p2psync manifest ./folder > before.json
  $ p2psync manifest ./folder --no-blocks --output before.json
  $ p2psync manifest ./folder | jq -r '.entries[] | select(.kind == "file") | "\\(.sha256)  \\(.path)"' | sha256sum -c`

/** Null when it was ended before its end. */
async function write(
  folder: string,
  options: ManifestCommandOptions,
  context: CliContext,
): Promise<ManifestSummary | null> {
  const { TreeReaders } = await import('../src/manifest/tree-readers.ts')
  const { writeManifest } = await import('../src/manifest/write-manifest.ts')
  const file = options.output === undefined ? null : new ReplacedFile(resolve(context.workingFolder, options.output))
  const output = new TextOutput(context.stdout)
  const progress = options.quiet === true ? null : new Progress(context)
  const readers = new TreeReaders()
  let isEnded = false
  const forget = context.onSignal(() => (isEnded = true))
  try {
    const pieces = writeManifest({
      readers,
      folder,
      createdAtMs: context.clock.now(),
      blocks: options.blocks,
      leaveOut: ownFiles(folder, file),
      onProgress: ({ files, bytes }) => progress?.show(`hashed ${countText(files, 'file')}, ${sizeText(bytes)}`),
    })
    for (let step = await pieces.next(); ; step = await pieces.next()) {
      if (step.done === true) {
        file?.commit()
        return step.value
      }
      if (file === null) await output.write(Buffer.from(step.value).toString('utf8'))
      else file.write(step.value)
      if (isEnded || output.ended.aborted) return null
    }
  } finally {
    forget()
    await progress?.stop()
    file?.discard()
    await readers.stop()
  }
}

/** What this command itself writes, as far as it lies in the folder. */
function ownFiles(folder: string, file: ReplacedFile | null): string[] {
  const written = file === null ? redirectedTo() : [file.path, file.temporaryPath]
  return written.map((path) => relative(folder, path)).filter((path) => path !== '' && !path.startsWith('..'))
}

// The file that a shell has opened for us, where the system tells.
function redirectedTo(): string[] {
  try {
    return [readlinkSync('/proc/self/fd/1')]
  } catch {
    return []
  }
}

function tellProblems({ problems, totals }: ManifestSummary, context: CliContext): void {
  for (const { path, reason } of problems.slice(0, toldMax)) {
    context.stderr.write(`p2psync: ${printable(path)}: ${printable(reason)}\n`)
  }
  if (problems.length > toldMax) context.stderr.write(`... and ${problems.length - toldMax} more\n`)
  const rest = countText(totals.files, 'file')
  context.stderr.write(
    `p2psync: ${countText(problems.length, 'path')} could not be read; the manifest lists ${rest} and these problems\n`,
  )
}

const toldMax = 20

/** One line on a terminal that is redrawn; elsewhere nothing. */
class Progress {
  readonly #lines: PacedLines | null
  readonly #context: CliContext

  constructor(context: CliContext) {
    this.#context = context
    const draw = (line: string): void => void context.stderr.write(`\r\u001B[2K${line}`)
    this.#lines = context.stderr.isTTY === true ? new PacedLines(context.clock, drawEveryMs, draw) : null
  }

  show(line: string): void {
    this.#lines?.push('', line)
  }

  async stop(): Promise<void> {
    if (this.#lines === null) return
    await this.#lines.stop()
    this.#context.stderr.write('\r\u001B[2K')
  }
}

const drawEveryMs = 200
