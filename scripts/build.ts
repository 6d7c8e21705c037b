import { spawnSync } from 'node:child_process'
import { rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { builtinModules } from './builtin-modules.ts'
import { thirdPartyNotices } from './third-party-notices.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))

/** All in one folder: a thread's entry is looked for beside the file that starts it, whatever chunk that has become. */
const entries = {
  main: 'cli/main.ts',
  index: 'src/index.ts',
  'file-worker': 'src/workers/file-worker.ts',
  'watch-worker': 'src/watcher/watch-worker.ts',
  'reader-worker': 'src/manifest/reader-worker.ts',
}

/** Native programs are found by the packages that bring them. */
const native = ['@napi-rs/blake-hash', 'classic-level/binding.js']

/**
 * Makes `folder` anew: the program, the library and the entries of the threads with all packages that they use, in few
 * files; the types of the library in `src/`; the licences of what was taken in. Decision 0017 has the reason.
 */
async function build(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true })
  const bundle = await rolldown({
    cwd: repository,
    input: entries,
    platform: 'node',
    external: native,
    plugins: [builtinModules(), levelBinding()],
  })
  const { output } = await bundle.write({ dir: folder, entryFileNames: '[name].js', chunkFileNames: '[name].js' })
  await bundle.close()
  const modules = output.flatMap((file) => (file.type === 'chunk' ? file.moduleIds : []))
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), thirdPartyNotices(modules))
  emitTypes(folder)
}

/** The package of LevelDB loads its native part by a path that is relative to itself. */
function levelBinding(): { name: string; resolveId: (id: string, importer?: string) => null | object } {
  const levelFolder = dirname(fileURLToPath(import.meta.resolve('classic-level')))
  return {
    name: 'level-binding',
    resolveId: (id, importer) =>
      id === './binding' && importer !== undefined && dirname(importer) === levelFolder
        ? { id: 'classic-level/binding.js', external: true }
        : null,
  }
}

function emitTypes(folder: string): void {
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const argv = [tsc, '-p', 'tsconfig.build.json', '--outDir', folder]
  const { status } = spawnSync(process.execPath, argv, { cwd: repository, stdio: 'inherit' })
  if (status !== 0) throw new Error('the types cannot be made')
}

await build(process.argv[2] ?? join(repository, 'dist'))
