import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

import { DiskError } from '../../src/disk/disk-error.ts'
import { NodeDisk } from '../../src/disk/node-disk.ts'
import { fileSizeBytesMax } from '../../src/model/limits.ts'
import { comparePaths, type RelativePath } from '../../src/model/relative-path.ts'
import type { Disk } from '../../src/ports/disk.ts'
import type { ScanBatch } from '../../src/ports/file-tasks.ts'
import { scanFolder } from '../../src/watcher/scan-folder.ts'
import { MemoryDisk } from '../twins/memory-disk.ts'
import { temporaryFolder } from './temporary-folder.ts'

const root = '/sync'

function memoryDisk(...files: readonly string[]): MemoryDisk {
  const disk = new MemoryDisk()
  disk.makeFolders(root)
  for (const file of files) disk.writeFile(`${root}/${file}`, file)
  return disk
}

type Scanned = Pick<ScanBatch, 'entries' | 'problems' | 'unknown'> & { paths: readonly string[] }

function scan(disk: Disk, start: string = '', folder = root): Scanned {
  const batches = [...scanFolder(disk, folder, start as RelativePath | '')]
  const entries = batches.flatMap((batch) => batch.entries)
  return {
    entries,
    paths: entries.map(({ path }) => path),
    problems: batches.flatMap(({ problems }) => problems),
    unknown: batches.flatMap(({ unknown }) => unknown),
  }
}

/** A root with nothing but files, which costs no time to make. */
function wideDisk(files: number): Disk {
  const disk = memoryDisk('one')
  const state = disk.lstat(`${root}/one`)
  const names = Array.from({ length: files }, (_, i) => ({ name: `file ${i}`, kind: 'file' as const }))
  disk.readFolder = () => names
  disk.lstat = () => state
  return disk
}

describe('scanFolder', () => {
  it('walks in path order: a folder right before what it holds', () => {
    const disk = memoryDisk('a!', 'a/z', 'a/b/c', 'ab', 'b', '\uFFFD!', '😀', 'é')
    expect(scan(disk).paths).toEqual(['a', 'a/b', 'a/b/c', 'a/z', 'a!', 'ab', 'b', 'é', '\uFFFD!', '😀'])
  })

  it('finds each entry once and in order, whatever the tree', () => {
    const anyName = fc.constantFrom('a', 'b', 'a b', 'ab', 'a!', 'ü', '😀', '\uFB00', 'A')
    const anyTree = fc.array(fc.array(anyName, { minLength: 1, maxLength: 4 }), { maxLength: 30 })
    fc.assert(
      fc.property(anyTree, (trees) => {
        const disk = memoryDisk()
        for (const names of trees) disk.makeFolders([root, ...names].join('/'))
        const { paths } = scan(disk)
        expect(paths.toSorted((a, b) => comparePaths(a as RelativePath, b as RelativePath))).toEqual(paths)
        expect(new Set(paths)).toEqual(new Set(disk.tree(root).keys()))
        expect(new Set(paths).size).toBe(paths.length)
      }),
    )
  })

  it('yields batches of at most 1000 entries', () => {
    const disk = memoryDisk(...Array.from({ length: 2500 }, (_, i) => `d/${i}`))
    const sizes = Array.from(scanFolder(disk, root, ''), ({ entries }) => entries.length)
    expect(sizes).toEqual([1000, 1000, 501])
  })

  it('tells what the disk said and where a link points', () => {
    const disk = memoryDisk('a/file')
    disk.makeLink(`${root}/a/link`, '../b')
    const [, file, link] = scan(disk).entries
    expect(file).toEqual({ path: 'a/file', disk: disk.lstat(`${root}/a/file`), linkTarget: '' })
    expect(link).toEqual({ path: 'a/link', disk: disk.lstat(`${root}/a/link`), linkTarget: '../b' })
  })

  it('starts anywhere', () => {
    const disk = memoryDisk('a/b/c', 'a/d', 'e')
    expect(scan(disk, 'a/b').paths).toEqual(['a/b', 'a/b/c'])
    expect(scan(disk, 'a/d').paths).toEqual(['a/d'])
    expect(scan(disk, 'a/gone')).toEqual({ entries: [], paths: [], problems: [], unknown: [] })
    expect(scan(disk, 'e/below-a-file').paths).toEqual([])
  })

  it('never follows a symlink', () => {
    const disk = memoryDisk('a/b')
    disk.makeLink(`${root}/link`, 'a')
    expect(scan(disk).paths).toEqual(['a', 'a/b', 'link'])
    expect(scan(disk, 'link/b').paths).toEqual([])
  })

  it('leaves out its own folder at the top, however it is spelled', () => {
    const disk = memoryDisk('.p2psync/folder.json', '.P2PSYNC/x', 'a/.p2psync/not-a-marker', 'b')
    expect(scan(disk).paths).toEqual(['a', 'a/.p2psync', 'a/.p2psync/not-a-marker', 'b'])
  })

  it('does not enter a synced folder of its own', () => {
    const disk = memoryDisk('a/.p2psync/folder.json', 'a/x', 'b')
    const problems = [{ path: 'a', reason: 'it is a synced folder of its own' }]
    expect(scan(disk)).toMatchObject({ paths: ['b'], problems, unknown: ['a'] })
    expect(scan(disk, 'a')).toMatchObject({ paths: [], problems, unknown: ['a'] })
    expect(scan(disk, 'a/x')).toMatchObject({ paths: [], unknown: ['a/x'] })
  })

  it('reports what is no file, folder or symlink', () => {
    const disk = memoryDisk('a')
    disk.makeOther(`${root}/pipe`)
    const problems = [{ path: 'pipe', reason: 'it is neither file, folder nor symlink' }]
    expect(scan(disk)).toMatchObject({ paths: ['a'], problems, unknown: [] })
    expect(scan(disk, 'pipe')).toMatchObject({ paths: [], problems, unknown: [] })
  })

  it('reports links that leave the folder and files that are too large', () => {
    const disk = memoryDisk('huge')
    disk.makeLink(`${root}/out`, '../x')
    const lstat = disk.lstat.bind(disk)
    disk.lstat = (path) => {
      const entry = lstat(path)
      return entry?.kind === 'file' ? { ...entry, sizeBytes: fileSizeBytesMax + 1 } : entry
    }
    const { paths, problems, unknown } = scan(disk)
    expect([paths, unknown]).toEqual([[], ['huge']])
    expect(problems.map(({ path }) => path)).toEqual(['huge', 'out'])
  })

  it('calls an unreadable folder an entry whose content is unknown', () => {
    const disk = memoryDisk('a/b', 'c')
    disk.setAccess(`${root}/a`, { read: false })
    expect(scan(disk)).toMatchObject({
      paths: ['a', 'c'],
      problems: [{ path: 'a', reason: 'it cannot be read: permission denied' }],
      unknown: ['a'],
    })
  })

  it('calls everything unknown when the root cannot be read or is gone', () => {
    const disk = memoryDisk('a')
    expect(scan(disk, '', '/elsewhere')).toMatchObject({ paths: [], unknown: [''] })
    disk.setAccess(root, { read: false })
    expect(scan(disk)).toMatchObject({ paths: [], unknown: [''] })
  })

  it('calls an entry unknown that cannot be looked at', () => {
    const disk = memoryDisk('a', 'b')
    disk.onCall = (operation, path) => {
      if (operation === 'lstat' && path === `${root}/a`) throw new DiskError('EIO', path)
    }
    expect(scan(disk)).toMatchObject({ paths: ['b'], unknown: ['a'] })
  })

  it('leaves out what vanishes while it walks', () => {
    const disk = memoryDisk('a/x', 'b', 'c')
    disk.onCall = (operation, path) => {
      if (operation === 'lstat' && path === `${root}/b`) disk.unlink(`${root}/b`)
      if (operation !== 'readFolder' || path !== `${root}/a`) return
      disk.unlink(`${root}/a/x`)
      disk.removeFolder(`${root}/a`)
    }
    expect(scan(disk)).toMatchObject({ paths: ['c'], problems: [], unknown: [] })
  })

  it('renames what is not in NFC, folders too', () => {
    const disk = memoryDisk('u\u0308/e\u0301', 'plain')
    expect(scan(disk)).toMatchObject({ paths: ['plain', 'ü', 'ü/é'], problems: [] })
    expect([...disk.tree(root).keys()].toSorted()).toEqual(['plain', 'ü', 'ü/é'])
  })

  it('leaves a name alone whose NFC form is taken', () => {
    const disk = memoryDisk('é', 'e\u0301')
    const reason = 'another entry has the same name in Unicode form NFC'
    expect(scan(disk)).toMatchObject({ paths: ['é'], problems: [{ path: 'e\u0301', reason }] })
    expect(disk.tree(root).size).toBe(2)
  })

  it('leaves a name alone whose NFC form is taken in between', () => {
    const disk = memoryDisk('e\u0301')
    disk.onCall = (operation, path) => {
      if (operation === 'lstat' && path === `${root}/é`) disk.quietly(() => disk.writeFile(path, 'another'))
    }
    const reason = 'another entry has the same name in Unicode form NFC'
    expect(scan(disk)).toMatchObject({ paths: [], problems: [{ path: 'e\u0301', reason }] })
    expect(disk.tree(root).get('é')?.content).toBe('another')
    expect(disk.tree(root).size).toBe(2)
  })

  it('reports a name that cannot be renamed', () => {
    const disk = memoryDisk('e\u0301')
    disk.onCall = (operation, path) => {
      if (operation === 'rename') throw new DiskError('EACCES', path)
    }
    const reason = 'its name is not in Unicode form NFC and cannot be changed: permission denied'
    expect(scan(disk)).toMatchObject({ paths: [], problems: [{ path: 'e\u0301', reason }] })
  })

  it('reports paths over the limit', () => {
    const disk = memoryDisk()
    const deep = Array.from({ length: 21 }, () => 'd'.repeat(200)).join('/')
    disk.makeFolders(`${root}/${deep}`)
    const { paths, problems } = scan(disk)
    expect(paths.length).toBe(20)
    expect(problems).toMatchObject([{ reason: 'it is longer than 4096 bytes' }])
  })

  it('asks the disk once an entry and twice more a folder', () => {
    const disk = memoryDisk('a/b', 'a/c', 'd')
    const calls: string[] = []
    disk.onCall = (operation, path) => calls.push(`${operation} ${path.slice(root.length)}`)
    scan(disk)
    const listing = ['fileSystemAt ', 'readFolder ', 'readFolder /a', 'fileSystemAt /a']
    expect(calls).toEqual([...listing, 'lstat /a', 'lstat /a/b', 'lstat /a/c', 'lstat /d'])
  })

  it('does not cross into another file system that is mounted below, and calls what is there unknown', () => {
    const disk = memoryDisk('a/b', 'mnt/x/y', 'z')
    disk.mount(`${root}/mnt`)
    const problems = [{ path: 'mnt', reason: 'another file system is mounted there' }]
    expect(scan(disk)).toMatchObject({ paths: ['a', 'a/b', 'z'], problems, unknown: ['mnt'] })
    expect(scan(disk, 'mnt')).toMatchObject({ paths: [], problems, unknown: ['mnt'] })
    expect(scan(disk, 'mnt/x/y')).toMatchObject({ paths: [], unknown: ['mnt/x/y'] })
  })

  it('walks a folder of 100,000 entries and a tree of 1,000 levels without recursion', () => {
    const wide = wideDisk(100_000)
    let count = 0
    for (const batch of scanFolder(wide, root, '')) count += batch.paths.length
    expect(count).toBe(100_000)
    const disk = memoryDisk()
    disk.makeFolders(`${root}${'/d'.repeat(1000)}`)
    expect(scan(disk).paths.length).toBe(1000)
  })

  it('finds a file that took the place of a folder while it walked, and nothing below it', () => {
    const disk = memoryDisk('a/b', 'c')
    disk.onCall = (operation, path) => {
      if (operation !== 'readFolder' || path !== `${root}/a`) return
      disk.unlink(`${root}/a/b`)
      disk.removeFolder(`${root}/a`)
      disk.writeFile(`${root}/a`, 'a file now')
    }
    const { entries, problems, unknown } = scan(disk)
    expect(entries.map(({ path, disk: state }) => [path, state.kind])).toEqual([
      ['a', 'file'],
      ['c', 'file'],
    ])
    expect([problems, unknown]).toEqual([[], []])
  })
})

describe('scanFolder on a real disk', () => {
  it('reports FIFOs and names that are not UTF-8, and changes nothing else', () => {
    const folder = temporaryFolder()
    mkdirSync(`${folder}/a`)
    writeFileSync(`${folder}/a/file`, 'x')
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/a/`), Buffer.from([0x66, 0xff])]), 'y')
    writeFileSync(`${folder}/back\\slash`, '')
    symlinkSync('a/file', `${folder}/link`)
    expect(spawnSync('mkfifo', [`${folder}/pipe`]).status).toBe(0)
    const { paths, problems } = scan(new NodeDisk(), '', folder)
    expect(paths).toEqual(['a', 'a/file', 'back\\slash', 'link'])
    expect(problems.map(({ path }) => path)).toEqual(['a/\uFFFD', 'pipe'])
    expect(readdirSync(folder).length).toBe(4)
  })

  it('walks down to where the system refuses longer paths, and calls what is below unknown', () => {
    const folder = `${temporaryFolder()}/${'r'.repeat(150)}`
    const name = 'd'.repeat(200)
    const script = [
      'import os',
      `os.mkdir("${folder}")`,
      `os.chdir("${folder}")`,
      'for _ in range(25):',
      ` os.mkdir("${name}")`,
      ` os.chdir("${name}")`,
    ].join('\n')
    expect(spawnSync('python3', ['-c', script]).status).toBe(0)
    const { paths, problems, unknown } = scan(new NodeDisk(), '', folder)
    expect(spawnSync('rm', ['-rf', folder]).status).toBe(0)
    expect(paths.length).toBe(19)
    expect(problems).toMatchObject([{ reason: expect.stringContaining('ENAMETOOLONG') as string }])
    expect(unknown).toEqual([problems[0]!.path])
  })
})
