import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmod, copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { mallocSettings, networkFlags } from '../../cli/network-settings.js'

const source = join(import.meta.dirname, '..', '..', 'cli', 'bin.js')
const settings = join(import.meta.dirname, '..', '..', 'cli', 'network-settings.js')
const noExecve = '--import=data:text/javascript,delete%20process.execve'
const hasExecve = 'execve' in process && process.platform !== 'win32'
let base: string
let bin: string

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'p2psync-bin-')))
  bin = join(base, 'cli', 'bin.js')
  await mkdir(join(base, 'cli'))
  await writeFile(join(base, 'package.json'), '{"type":"module"}')
  await copyFile(source, bin)
  await copyFile(settings, join(base, 'cli', 'network-settings.js'))
  await writeMain(
    'main.ts',
    'console.log(JSON.stringify({ pid: process.pid, flags: process.execArgv, args: process.argv.slice(2) }))',
  )
})

afterEach(async () => rm(base, { recursive: true, force: true }))

async function writeMain(name: string, code: string): Promise<void> {
  await writeFile(join(base, 'cli', name), code)
}

interface Seen {
  pid: number
  flags: string[]
  args: string[]
}

function run(args: readonly string[], options: readonly string[] = []): { pid: number; seen: Seen; stderr: string } {
  const { pid, stdout, stderr } = spawnSync(process.execPath, [...options, bin, ...args], { encoding: 'utf8' })
  return { pid, seen: JSON.parse(stdout) as Seen, stderr }
}

async function pretendTooOld(bundled: boolean): Promise<void> {
  const code = await readFile(source, 'utf8')
  expect(code).toContain('const nodeMin = [22, 22]')
  await writeFile(bin, code.replace('const nodeMin = [22, 22]', 'const nodeMin = [99, 0]'))
  if (!bundled) return
  const folder = join(base, 'node_modules', 'node', 'bin')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, '..', 'package.json'), '{"version":"99.1.0"}')
  const script = `#!/bin/sh\nBUNDLED=1 exec '${process.execPath}' "$@"\n`
  await writeFile(join(folder, 'node'), script)
  await chmod(join(folder, 'node'), 0o755)
}

describe.skipIf(process.platform === 'win32')('the program', () => {
  it('runs a command in its own process, with no flag', () => {
    const { pid, seen, stderr } = run(['status', '--json'])
    expect(seen).toEqual({ pid, flags: [], args: ['status', '--json'] })
    expect(stderr).toBe('')
  })

  it.runIf(hasExecve)('replaces itself for start, with the flag for the networking side', () => {
    const { pid, seen, stderr } = run(['start', 'a b', '--key', 'x'])
    expect(seen).toEqual({ pid, flags: networkFlags, args: ['start', 'a b', '--key', 'x'] })
    expect(stderr).toBe('')
  })

  it.runIf(hasExecve)(
    'has freed memory of a node go back to the system, as far as the user does not say otherwise',
    async () => {
      await writeMain('main.ts', 'console.log(JSON.stringify(process.env))')
      const seen = (command: string, env: NodeJS.ProcessEnv): unknown =>
        JSON.parse(spawnSync(process.execPath, [bin, command], { encoding: 'utf8', env }).stdout)
      expect(seen('start', {})).toMatchObject(mallocSettings)
      expect(seen('start', { MALLOC_MMAP_THRESHOLD_: '99999' })).toHaveProperty('MALLOC_MMAP_THRESHOLD_', '99999')
      expect(seen('status', {})).not.toHaveProperty('MALLOC_MMAP_THRESHOLD_')
    },
  )

  it('needs no second process when the flag is there', () => {
    const { pid, seen } = run(['start', 'a'], networkFlags)
    expect(seen).toEqual({ pid, flags: networkFlags, args: ['start', 'a'] })
  })

  it('prefers what was built', async () => {
    await mkdir(join(base, 'dist'), { recursive: true })
    await writeFile(join(base, 'dist', 'main.js'), 'console.log(JSON.stringify({ built: true }))')
    expect(run(['status']).seen).toEqual({ built: true })
  })

  it('passes signals and the exit code on where it cannot replace itself', async () => {
    await writeMain(
      'main.ts',
      "process.on('SIGTERM', () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.pid)",
    )
    const child = spawn(process.execPath, [noExecve, bin, 'start', 'a'], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    expect(Number(line.toString())).not.toBe(child.pid)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([7, null])
  })

  it('runs on the bundled Node where the one that runs is too old', async () => {
    await pretendTooOld(true)
    await writeMain(
      'main.ts',
      'console.log(JSON.stringify([process.env.BUNDLED, process.execArgv, process.argv.slice(2)]))',
    )
    expect(run(['status']).seen).toEqual(['1', [], ['status']])
    expect(run(['start', 'a']).seen).toEqual(['1', networkFlags, ['start', 'a']])
    expect(run(['start', 'a'], [noExecve]).seen).toEqual(['1', networkFlags, ['start', 'a']])
  })

  it('says which Node it needs when there is none', async () => {
    await pretendTooOld(false)
    const { status, stderr } = spawnSync(process.execPath, [bin, 'status'], { encoding: 'utf8' })
    expect(status).toBe(1)
    expect(stderr).toMatch(/^p2psync: Node [\d.]+ is too old\nInstall Node 99\.0 or newer/)
  })
})
