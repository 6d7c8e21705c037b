#!/usr/bin/env node
// Plain JavaScript that every Node since 12.17 understands: it finds a Node that p2psync can run on, and hands over.
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-return -- no types are checked in plain JavaScript */
import { dirname, join } from 'path'
import { fileURLToPath, pathToFileURL } from 'url'
import { mallocSettings, networkFlags } from './network-settings.js'

const nodeMin = [22, 22]
const here = dirname(fileURLToPath(import.meta.url))
const args = process.argv.slice(2)
// Compiled code is kept between runs: a fifth of the time that a start takes.
const codeCache = process.env.NODE_COMPILE_CACHE || codeCacheFolder()
const wanted = isNetworking(args) ? networkFlags : []

void builtin('fs').then((fs) => {
  const built = join(here, '..', 'dist', 'main.js')
  const main = fs.existsSync(built) ? built : join(here, 'main.ts')
  if (!isNewEnough(process.versions.node)) {
    const bundled = findBundledNode(fs)
    if (bundled === null) {
      process.stderr.write(
        'p2psync: Node ' +
          process.versions.node +
          ' is too old\n' +
          'Install Node ' +
          nodeMin.join('.') +
          ' or newer, or run npm ci in the checkout of p2psync, which brings one.\n',
      )
      process.exit(1)
    }
    return replaceProcess(bundled, wanted.concat(main, args))
  }
  if (!wanted.every((flag) => process.execArgv.includes(flag))) {
    return replaceProcess(process.execPath, process.execArgv.concat(wanted, main, args))
  }
  return builtin('module').then(({ enableCompileCache }) => {
    if (codeCache !== null && enableCompileCache !== undefined) enableCompileCache(codeCache)
    return import(pathToFileURL(main).href)
  })
})

// An import has Node read all that the module exports, and load what that needs: of `fs` the streams, 15 ms.
function builtin(name) {
  return process.getBuiltinModule === undefined ? import(name) : Promise.resolve(process.getBuiltinModule(name))
}

// `start` moves bytes; every other command only asks the running node.
function isNetworking(argv) {
  return argv.find((arg) => !arg.startsWith('-')) === 'start' && !argv.includes('--help') && !argv.includes('-h')
}

function isNewEnough(version) {
  const parts = version.split('.').map(Number)
  return parts[0] > nodeMin[0] || (parts[0] === nodeMin[0] && parts[1] >= nodeMin[1])
}

// The npm package `node` puts the program next to us in a checkout, or up the tree where we are installed.
function findBundledNode(fs) {
  const name = process.platform === 'win32' ? 'node.exe' : 'node'
  for (let folder = dirname(here); ; folder = dirname(folder)) {
    const place = join(folder, 'node_modules', 'node')
    const program = join(place, 'bin', name)
    if (fs.existsSync(program) && isNewEnough(versionOf(fs, join(place, 'package.json')))) return program
    if (folder === dirname(folder)) return null
  }
}

function versionOf(fs, packageFile) {
  try {
    return String(JSON.parse(fs.readFileSync(packageFile, 'utf8')).version)
  } catch {
    return '0.0.0'
  }
}

// In a folder that only this user can write to, never the one for everybody's temporary files.
function codeCacheFolder() {
  const cache = process.env.XDG_CACHE_HOME || (process.env.HOME && join(process.env.HOME, '.cache'))
  return cache ? join(cache, 'p2psync', 'code') : null
}

// In place where Node can (22.15 and newer, not on Windows); else a child with our terminal, signals and exit code.
function replaceProcess(program, argv) {
  const cache = codeCache === null ? {} : { NODE_COMPILE_CACHE: codeCache }
  const env = Object.assign({}, wanted.length > 0 ? mallocSettings : {}, process.env, cache)
  if (typeof process.execve === 'function' && process.platform !== 'win32') {
    process.execve(program, [program].concat(argv), env)
    return
  }
  void Promise.all([builtin('child_process'), builtin('os')]).then(([{ spawn }, { constants }]) => {
    const child = spawn(program, argv, { stdio: 'inherit', env })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
    child.on('error', (error) => {
      process.stderr.write('p2psync: ' + program + ' cannot be run: ' + error.message + '\n')
      process.exit(1)
    })
    child.on('exit', (code, signal) => process.exit(signal === null ? code : 128 + constants.signals[signal]))
  })
}
