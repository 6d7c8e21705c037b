import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, onTestFinished } from 'vitest'
import { runCli } from './node-process.ts'
import { mainFile } from './program.ts'
import { Scratch } from './scratch.ts'

const main = mainFile()

/** A folder with a few entries, in a scratch folder that goes with the test. */
function someFolder(): { scratch: Scratch; folder: string } {
  const scratch = new Scratch()
  onTestFinished(() => scratch[Symbol.dispose]())
  const folder = scratch.at('folder')
  mkdirSync(join(folder, 'd/e'), { recursive: true })
  writeFileSync(join(folder, 'd/e/f'), 'one')
  writeFileSync(join(folder, 'g'), 'two')
  return { scratch, folder }
}

describe('p2psync manifest and p2psync diff', () => {
  it('show what was done to a folder since its manifest was written', async () => {
    const { scratch, folder } = someFolder()
    const manifest = scratch.at('before.json')
    expect(await runCli(['manifest', folder, '--output', manifest])).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    expect(readdirSync(scratch.path).toSorted()).toEqual(['before.json', 'folder'])
    expect(await runCli(['diff', manifest, folder])).toEqual({ exitCode: 0, stdout: '', stderr: '' })
    renameSync(join(folder, 'd'), join(folder, 'dd'))
    appendFileSync(join(folder, 'g'), '!')
    writeFileSync(join(folder, 'h'), '')
    const stdout = 'MOVED    d -> dd (1 file)\nMODIFIED g\nCREATED  h\n'
    expect(await runCli(['diff', manifest, folder])).toEqual({ exitCode: 0, stdout, stderr: '' })
    expect(await runCli(['diff', manifest, folder, '--quick', '--exit-code'])).toMatchObject({ exitCode: 1, stdout })
    const json = (await runCli(['diff', manifest, folder, '--json'])).stdout.trim().split('\n')
    expect(JSON.parse(json[0]!)).toEqual({ change: 'moved', kind: 'folder', path: 'dd', from: 'd', files: 1 })
  })

  it('write to a pipe what they read from one', async () => {
    const { folder } = someFolder()
    const { stdout } = await runCli(['manifest', folder, '--no-blocks'])
    rmSync(join(folder, 'g'))
    const child = spawn(process.execPath, [main, 'diff', '-', folder], { stdio: ['pipe', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk))
    child.stdin.end(stdout)
    expect(await once(child, 'close')).toEqual([0, null])
    expect(printed).toBe('DELETED  g\n')
  })

  it('leave out the file that the shell writes a manifest to', async () => {
    const { folder } = someFolder()
    const script = `'${process.execPath}' '${main}' manifest . > here.json && '${process.execPath}' '${main}' diff here.json .`
    const child = spawn('sh', ['-c', script], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
    let printed = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (printed += chunk))
    expect(await once(child, 'close')).toEqual([0, null])
    expect(printed).toBe('')
    expect(readFileSync(join(folder, 'here.json'), 'utf8')).not.toContain('here.json')
  })

  it('say what is wrong, and where', async () => {
    const { scratch, folder } = someFolder()
    const none = scratch.at('none')
    expect(await runCli(['manifest', none])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(none) as string,
    })
    expect(await runCli(['diff', none, folder])).toMatchObject({ exitCode: 1 })
    expect(await runCli(['diff', '-', '-'])).toMatchObject({ exitCode: 2 })
    expect(await runCli(['diff', folder, folder, '--quick'])).toMatchObject({ exitCode: 2 })
    const bad = scratch.at('bad.json')
    writeFileSync(bad, '{"p2psyncManifest":1,"entries":[\n{"path":"a","kind":"pipe"}\n')
    const { exitCode, stderr } = await runCli(['diff', bad, folder, '--json'])
    expect(exitCode).toBe(1)
    const { error } = JSON.parse(stderr) as { error: { code: string; message: string } }
    expect(error.code).toBe('bad-manifest')
    expect(error.message).toContain('line 2: "kind" is not')
    expect(await runCli(['manifest', folder, '--output', join(none, 'x')])).toMatchObject({ exitCode: 1 })
    expect(existsSync(none)).toBe(false)
  })
})

/** `p2psync watch` of a folder, once it watches. */
async function startWatch(folder: string, ...options: readonly string[]) {
  const child = spawn(process.execPath, [main, 'watch', folder, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  const closed = once(child, 'close')
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk))
  const until = async (isTrue: () => boolean): Promise<void> => {
    while (!isTrue()) await sleep(20)
  }
  await until(() => output.stderr.includes('\n'))
  return { child, closed, output, until }
}

describe('p2psync watch', () => {
  it('prints each change, and ends well by Ctrl-C', async () => {
    const { folder } = someFolder()
    const { child, closed, output, until } = await startWatch(folder)
    expect(output.stderr).toBe(`watching ${folder}: 4 entries; Ctrl-C ends it\n`)
    const steps: readonly (readonly [act: () => void, line: string])[] = [
      [() => writeFileSync(join(folder, 'x\ny'), ''), 'created  file   x\\u{a}y\n'],
      [() => appendFileSync(join(folder, 'g'), '!'), 'modified file   g\n'],
      [() => renameSync(join(folder, 'd'), join(folder, 'dd')), 'moved    folder d -> dd\n'],
      [() => rmSync(join(folder, 'dd/e/f')), 'deleted  file   dd/e/f\n'],
    ]
    for (const [act, line] of steps) {
      act()
      await until(() => output.stdout.endsWith(line))
    }
    child.kill('SIGINT')
    expect(await closed).toEqual([0, null])
  })

  it('prints JSON, and nothing else on stdout, and says when the folder goes away', async () => {
    const { folder } = someFolder()
    const { closed, output, until } = await startWatch(folder, '--json')
    renameSync(join(folder, 'g'), join(folder, 'h'))
    await until(() => output.stdout.endsWith('\n'))
    const { at, mtime, ...event } = JSON.parse(output.stdout) as Record<string, unknown>
    expect(event).toEqual({ event: 'moved', kind: 'file', path: 'h', from: 'g', sizeBytes: 3 })
    expect([String(at), String(mtime)]).toEqual([
      expect.stringMatching(/^\d{4}-.*Z$/),
      expect.stringMatching(/^\d{4}-.*Z$/),
    ])
    rmSync(folder, { recursive: true })
    expect(await closed).toEqual([1, null])
    expect(output.stderr).toContain('"folder-missing"')
    expect(output.stderr).toContain('went away')
  })

  it('ends quietly when nobody reads it any more', async () => {
    const { folder } = someFolder()
    const { child, closed, output, until } = await startWatch(folder)
    writeFileSync(join(folder, '1'), '')
    await until(() => output.stdout !== '')
    child.stdout.destroy()
    for (let i = 2; child.exitCode === null; i++) {
      writeFileSync(join(folder, String(i)), '')
      await sleep(50)
    }
    expect(await closed).toEqual([0, null])
    expect(output.stderr).not.toContain('EPIPE')
  })

  it('refuses what is no folder', async () => {
    const { folder } = someFolder()
    expect(await runCli(['watch', join(folder, 'g')])).toMatchObject({ exitCode: 1, stdout: '' })
    expect(await runCli(['watch', join(folder, 'none')])).toMatchObject({ exitCode: 1, stdout: '' })
  })
})
