import { basename } from 'node:path'
import { describe, expect, it } from 'vitest'
import { banned, doors, filesThatUseTheFileSystem } from './rules/doors.ts'
import { findCycle, packagesBehind } from './rules/import-graph.ts'
import { readSources, type SourceFile } from './rules/read-source.ts'

/**
 * The rules of ARCHITECTURE.md and CONTRIBUTING.md that a program can check. An exception stands with its reason here, or
 * in `rules/doors.ts`.
 */
const sources = readSources('src', 'cli')
const src = sources.filter((file) => file.path.startsWith('src/'))
const tests = readSources('test')
const others = readSources('bench', 'scripts')

/**
 * Who may import whom: the rooms in the order in which data walks through them. Everybody may import their own room;
 * what ends in `.ts` is one file. `disk` and `workers` stand beside the rooms.
 */
const rooms: Readonly<Record<string, readonly string[]>> = {
  model: [],
  ports: ['model'],
  watcher: ['model', 'ports'],
  blocks: ['model', 'ports', 'watcher'],
  // Hashing gives the names of copies and of tree nodes; it is a pure function, wherever it is computed.
  'vector-clock': ['model', 'blocks/hash.ts'],
  merkle: ['model', 'vector-clock', 'blocks/hash.ts'],
  transfer: ['model', 'ports'],
  'file-index': ['model', 'ports', 'watcher', 'blocks', 'vector-clock', 'merkle'],
  reconcile: ['model', 'vector-clock', 'merkle'],
  apply: ['model', 'ports', 'watcher', 'blocks', 'vector-clock', 'merkle', 'file-index', 'reconcile'],
  disk: ['model', 'ports'],
  workers: ['model', 'ports', 'watcher', 'blocks', 'apply', 'disk'],
  node: [
    'model',
    'ports',
    'watcher',
    'blocks',
    'vector-clock',
    'merkle',
    'transfer',
    'file-index',
    'reconcile',
    'apply',
  ],
  control: ['model', 'ports', 'node'],
  manifest: ['model', 'ports', 'watcher', 'blocks', 'disk', 'workers/packed-error.ts'],
  doctor: ['model', 'ports', 'file-index', 'node', 'control'],
}

/** What the command line may know: the public entry, the control API, and what needs no network. */
const cliMayImport = ['src/index.ts', 'src/control/', 'src/model/', 'src/ports/', 'src/manifest/', 'src/doctor/']
const nodeFilesForCli = [
  'src/node/node-api.ts',
  'src/node/home.ts',
  'src/node/node-settings.ts',
  'src/node/device-name.ts',
  'src/node/key-text.ts',
  'src/node/folder-key-file.ts',
  'src/node/pino-logger.ts',
  'src/node/system-clock.ts',
  'src/node/system-random.ts',
  // Reads what was typed, before anything is started.
  'src/transfer/limit-timetable.ts',
]

const pureRooms = ['reconcile', 'vector-clock', 'merkle']
const impure =
  /^(node:(?!buffer$).*|process(\.\w+)?|Date\.now|new Date\(\)|performance(\.\w+)?|Math\.random|set(Timeout|Interval|Immediate)|queueMicrotask|fetch)$/

describe('who may import whom', () => {
  it('knows every room of src', () => {
    const found = new Set(src.map((file) => roomOf(file.path)))
    expect([...found].filter((room) => room !== 'index.ts' && rooms[room] === undefined)).toEqual([])
  })

  it('lets data walk in one direction through the rooms', () => {
    const wrong = src.flatMap((file) =>
      file.imports
        .filter(({ target }) => target.startsWith('src/') && !mayImport(file.path, target))
        .map(({ target }) => `${file.path} imports ${target}`),
    )
    expect(wrong).toEqual([])
  })

  it('has no cycle between files', () => {
    expect(src.map((file) => findCycle(src, file.path)).filter((cycle) => cycle !== null)).toEqual([])
  })

  it('lets the command line know the entry, the control API and no network', () => {
    const wrong = sources
      .filter((file) => file.path.startsWith('cli/'))
      .flatMap((file) =>
        file.imports
          .filter(({ target }) => target.startsWith('src/') && !isIn(target, [...cliMayImport, ...nodeFilesForCli]))
          .map(({ target }) => `${file.path} imports ${target}`),
      )
    expect(wrong).toEqual([])
    const folderFiles = src.map((file) => file.path).filter((path) => path.startsWith('src/manifest/'))
    const reached = new Set(
      [...nodeFilesForCli, ...folderFiles].flatMap((path) => Array.from(packagesBehind(src, path))),
    )
    expect([...reached].filter((name) => /libp2p|multiformats|level|chokidar/.test(name))).toEqual([])
  })

  it('keeps tests and benchmarks out of the product, and end-to-end tests out of its inside', () => {
    const intoTests = sources.flatMap((file) => file.imports.filter(({ target }) => /^(test|bench)\//.test(target)))
    expect(intoTests).toEqual([])
    const inside = tests
      .filter((file) => file.path.startsWith('test/e2e/'))
      .flatMap((file) => file.imports.filter((one) => one.target.startsWith('src/') && !one.typeOnly))
      .filter(({ target }) => target !== 'src/control/control-client.ts')
    expect(inside).toEqual([])
  })
})

describe('one door a package', () => {
  it.each(doors.map(([packages, places]) => [String(packages), packages, places] as const))(
    '%s',
    (_, names, places) => {
      expect(filesThatImport(names).filter((path) => !isIn(path, places))).toEqual([])
    },
  )

  it('touches the file system only where it is listed, and the list has no entry too many', () => {
    const users = filesThatImport(/^(node:)?fs(\/promises)?$/)
    expect(users.filter((path) => !isIn(path, filesThatUseTheFileSystem))).toEqual([])
    expect(filesThatUseTheFileSystem.filter((place) => !users.some((path) => isIn(path, [place])))).toEqual([])
  })

  it('names a door for every package that is imported', () => {
    const known = (name: string): boolean => name.startsWith('node:') || doors.some(([packages]) => packages.test(name))
    const unknown = src.flatMap((file) =>
      file.imports.filter((one) => !one.target.startsWith('src/') && !known(one.target)),
    )
    expect(unknown.map((one) => one.target)).toEqual([])
  })
})

describe('time, randomness and output', () => {
  it.each(banned.map(([names, places]) => [String(names), names, places] as const))('%s', (_, names, places) => {
    const uses = (file: SourceFile): boolean =>
      [...file.names, ...file.imports.map((one) => one.target)].some((name) => names.test(name))
    const users = sources.filter((file) => uses(file) && !isIn(file.path, places))
    expect(users.map((file) => file.path)).toEqual([])
  })

  it('lets nobody but the door take randomness from a module', () => {
    const taken = /^(random(Bytes|Int|UUID|FillSync|Fill)|webcrypto|getRandomValues)$/
    const users = sources.filter((file) => file.imports.some((one) => one.names.some((name) => taken.test(name))))
    expect(users.map((file) => file.path).filter((path) => path !== 'src/node/system-random.ts')).toEqual([])
  })

  it.each(pureRooms)('%s is free of I/O, time and randomness', (room) => {
    const files = src.filter((file) => roomOf(file.path) === room)
    expect(files.length).toBeGreaterThan(0)
    const wrong = files.flatMap((file) =>
      [...file.names, ...file.imports.map((one) => one.target)]
        .filter((name) => impure.test(name))
        .map((name) => `${file.path}: ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('the shape of files', () => {
  const all = [...sources, ...tests, ...others]

  it('has at most 300 lines in a file', () => {
    // Generated.
    const long = all.filter((file) => file.lineCount > 300 && file.path !== 'src/blocks/fast-cdc-wasm.ts')
    expect(long.map((file) => `${file.path}: ${file.lineCount}`)).toEqual([])
  })

  it('names files in kebab-case, after what they hold', () => {
    const odd = all.filter(
      (file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.privileged)?(\.test|\.d)?\.[jt]s$/.test(basename(file.path)),
    )
    expect(odd.map((file) => file.path)).toEqual([])
    const empty = all.filter((file) => /(^|[-/])(utils?|helpers?|common|manager|types|misc)[.-]/.test(file.path))
    expect(empty.map((file) => file.path)).toEqual([])
  })

  it('exports by name', () => {
    expect(all.filter((file) => file.hasDefaultExport).map((file) => file.path)).toEqual([])
  })
})

function roomOf(path: string): string {
  return path.split('/')[1]!
}

function mayImport(from: string, target: string): boolean {
  const [room, other] = [roomOf(from), roomOf(target)]
  if (room === 'index.ts' || room === other) return true
  return rooms[room]?.some((allowed) => allowed === other || `src/${allowed}` === target) === true
}

function isIn(path: string, places: readonly string[]): boolean {
  return places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place))
}

function filesThatImport(name: RegExp): readonly string[] {
  return sources.filter((file) => file.imports.some((one) => name.test(one.target))).map((file) => file.path)
}
