import { spawnSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkFolder, createFolder } from '../../src/node/check-folder.ts'

const marker = { folder: 'ab'.repeat(32), nonce: '01'.repeat(16) }
let base: string
let home: string

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'p2psync-check-')))
  home = join(base, 'home')
  await mkdir(home)
})

afterEach(async () => rm(base, { recursive: true, force: true }))

async function check(path: string, knownFolders: readonly string[] = []): ReturnType<typeof checkFolder> {
  return checkFolder(path, { home, knownFolders })
}

async function mark(folder: string, text = JSON.stringify(marker)): Promise<void> {
  await mkdir(join(folder, '.p2psync'), { recursive: true })
  await writeFile(join(folder, '.p2psync', 'folder.json'), text)
}

describe('a folder that is to be synced', () => {
  it('may be missing, and is made only when asked', async () => {
    const path = join(base, 'new', 'folder')
    const checked = await check(path)
    expect(checked).toEqual({ path, exists: false, marker: null })
    expect(await readdir(base)).toEqual(['home'])
    await createFolder(checked)
    expect((await stat(path)).isDirectory()).toBe(true)
  })

  it.runIf(process.platform === 'linux')('is refused where none can be made', async () => {
    const folder = { path: '/proc/p2psync/folder', exists: false, marker: null }
    await expect(createFolder(folder)).rejects.toMatchObject({ code: 'folder-unreadable' })
  })

  it('is known by its real path', async () => {
    await mkdir(join(base, 'real'))
    await symlink(join(base, 'real'), join(base, 'link'))
    expect((await check(join(base, 'link'))).path).toBe(join(base, 'real'))
    expect(await check(join(base, 'link', 'sub'))).toMatchObject({ path: join(base, 'real', 'sub'), exists: false })
  })

  it('comes with its marker', async () => {
    await mark(join(base, 'a'))
    expect(await check(join(base, 'a'), [join(base, 'a')])).toMatchObject({ exists: true, marker })
  })

  it.each(['', '{}', 'null', '{"folder":"ab","nonce":"01"}'])('is refused with a damaged marker: %s', async (text) => {
    await mark(join(base, 'a'), text)
    await expect(check(join(base, 'a'))).rejects.toMatchObject({ code: 'folder-conflict' })
  })

  it('must be a folder', async () => {
    await writeFile(join(base, 'file'), '')
    await expect(check(join(base, 'file'))).rejects.toMatchObject({ code: 'folder-unreadable' })
    await expect(check(join(base, 'file', 'below'))).rejects.toMatchObject({ code: 'folder-unreadable' })
  })

  it('must not be a link into itself', async () => {
    await symlink(join(base, 'loop'), join(base, 'loop'))
    await expect(check(join(base, 'loop'))).rejects.toMatchObject({ code: 'folder-unreadable' })
  })
})

describe('folders that would overlap', () => {
  it('are refused below a known one, above it, and through links', async () => {
    const known = join(base, 'outer', 'known')
    await mkdir(join(known, 'below'), { recursive: true })
    await symlink(join(known, 'below'), join(base, 'link'))
    for (const path of [join(known, 'below'), join(known, 'new'), join(base, 'outer'), join(base, 'link')]) {
      await expect(check(path, [known])).rejects.toMatchObject({ code: 'folder-nested' })
    }
  })

  it('are refused below a folder that another node syncs', async () => {
    await mark(join(base, 'a'))
    await mkdir(join(base, 'a', 'b', 'c'), { recursive: true })
    await expect(check(join(base, 'a', 'b', 'c'))).rejects.toMatchObject({
      code: 'folder-nested',
      message: expect.stringContaining(join(base, 'a')) as string,
    })
  })

  it('are refused among our own files', async () => {
    await mark(join(base, 'a'))
    await expect(check(join(base, 'a', '.p2psync', 'history'))).rejects.toMatchObject({ code: 'folder-nested' })
    await expect(check(join(base, 'b', '.p2psync'))).rejects.toMatchObject({ code: 'folder-nested' })
  })

  it('are told from folders whose names only begin alike', async () => {
    await mkdir(join(base, 'known'))
    await expect(check(join(base, 'known2'), [join(base, 'known')])).resolves.toMatchObject({ exists: false })
    await expect(check(join(base, 'home2'))).resolves.toMatchObject({ exists: false })
    await expect(check(join(base, '..data'), [])).resolves.toMatchObject({ exists: false })
  })

  it('are refused with the state directory inside or around', async () => {
    for (const path of [home, base, '/', join(home, 'folder')]) {
      await expect(check(path)).rejects.toMatchObject({ code: 'folder-nested' })
    }
  })
})

// Root may read and write everything, so another user looks.
describe.skipIf(process.getuid?.() !== 0)('a folder that this user may not use', () => {
  it.each([
    ['read', 0o333],
    ['written', 0o555],
  ])('is refused when it cannot be %s', async (word, mode) => {
    const path = join(base, 'closed')
    await mkdir(path)
    await chmod(path, mode)
    await chmod(base, 0o755)
    const module = new URL('../../src/node/check-folder.ts', import.meta.url).href
    const script = `import(${JSON.stringify(module)}).then(async ({ checkFolder }) => {
      process.setgid(65534)
      process.setuid(65534)
      const error = await checkFolder(${JSON.stringify(path)}, { home: '/none', knownFolders: [] }).catch((e) => e)
      console.log(error.code, error.message)
    })`
    const { stdout } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' })
    expect(stdout).toBe(`folder-unreadable ${path} cannot be ${word} by this user\n`)
  })
})
