import type { Dirent } from 'node:fs'
import { chmodSync, lstatSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readTree } from '../e2e/folder-tree.ts'
import type { Ledger } from '../simulation/ledger.ts'
import type { Kind, UserOperation } from './plan-operation.ts'
import { uniqueContent } from './unique-content.ts'
import { changeInPlace, replace, saveByRename, writeInPlace } from './write-as-programs-do.ts'

/** Files of an old time, as archives and copying tools make them. */
const oldTime = new Date(Date.UTC(2020, 1, 2))

/**
 * A person at one device. Each call acts at once, as a program does that does not know of the node; the ledger learns what
 * was written, and what was there to be seen by whoever replaced or removed it.
 */
export class SoakUser {
  readonly #root: string
  readonly #name: string
  readonly #ledger: Ledger
  #count = 0

  constructor(options: { readonly root: string; readonly name: string; readonly ledger: Ledger }) {
    this.#root = options.root
    this.#name = options.name
    this.#ledger = options.ledger
  }

  /** Does what is possible. Returns `done`, or why not: `nothing` there to do it with, or the code of the system's error. */
  act(operation: UserOperation): string {
    this.#count++
    try {
      return this.#try(operation) ? 'done' : 'nothing'
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (!/^E[A-Z]{2,}$/.test(code)) throw error
      return code
    }
  }

  /** What a person sees: paths without those of the node. */
  look(): ReadonlyMap<string, Kind> {
    const tree = new Map<string, Kind>()
    const todo = ['']
    for (let folder = todo.pop(); folder !== undefined; folder = todo.pop()) {
      for (const entry of listed(join(this.#root, folder))) {
        const path = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (path === '.p2psync') continue
        tree.set(path, entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file')
        if (entry.isDirectory()) todo.push(path)
      }
    }
    // In an order that no disk decides.
    return new Map([...tree].sort(([a], [b]) => (a < b ? -1 : 1)))
  }

  #try(operation: UserOperation): boolean {
    switch (operation.type) {
      case 'write':
        return this.#write(operation.path, uniqueContent(this.#tag, operation.sizeBytes))
      case 'save':
        return this.#save(operation.path, uniqueContent(this.#tag, operation.sizeBytes))
      case 'append':
      case 'edit':
        return this.#change(operation.path, operation.type === 'append')
      case 'remove':
        return this.#remove(operation.path)
      case 'chmod':
      case 'touch':
        return this.#setMetadata(operation.path, operation.type)
      case 'link':
        return this.#link(operation.path)
      case 'folder':
        return mkdirSync(this.#at(operation.path), { recursive: true }) !== undefined
      case 'rename':
        return this.#rename(operation.path, operation.to)
      case 'copy':
        return this.#copy(operation.path, operation.to)
      case 'turn':
        return this.#turn(operation.path, operation.into)
      case 'burst':
        return this.#burst(operation.path, operation.files)
      case 'restore':
        return this.#restore(operation.choice)
    }
  }

  get #tag(): string {
    return `${this.#name} ${this.#count}`
  }

  #at(path: string): string {
    return join(this.#root, path)
  }

  #write(path: string, content: Buffer): boolean {
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    if (this.#kindOf(path) === 'link') this.#remove(path)
    writeInPlace(this.#ledger, this.#at(path), content)
    return true
  }

  #save(path: string, content: Buffer): boolean {
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    saveByRename(this.#ledger, this.#at(path), content)
    return true
  }

  #change(path: string, append: boolean): boolean {
    if (this.#kindOf(path) !== 'file') return false
    return changeInPlace(this.#ledger, this.#at(path), { bytes: Buffer.from(`\n${this.#tag}\n`), append })
  }

  #remove(path: string): boolean {
    const kind = this.#kindOf(path)
    if (kind === null) return false
    if (kind === 'folder') for (const { text } of readTree(this.#at(path)).values()) this.#ledger.saw(text)
    replace(this.#ledger, this.#at(path), () => rmSync(this.#at(path), { recursive: true }))
    return true
  }

  #setMetadata(path: string, type: 'chmod' | 'touch'): boolean {
    const at = this.#at(path)
    if (this.#kindOf(path) !== 'file') return false
    if (type === 'touch') utimesSync(at, oldTime, oldTime)
    else chmodSync(at, lstatSync(at).mode ^ 0o111)
    return true
  }

  #link(path: string): boolean {
    const kind = this.#kindOf(path)
    if (kind === 'folder') return false
    mkdirSync(dirname(this.#at(path)), { recursive: true })
    if (kind !== null) this.#remove(path)
    // It leads nowhere: nobody may write through it.
    const target = `target ${this.#tag}`
    symlinkSync(target, this.#at(path))
    this.#ledger.wrote(`link to ${target}`)
    return true
  }

  #rename(from: string, to: string): boolean {
    if (this.#kindOf(from) === null || from === to) return false
    mkdirSync(dirname(this.#at(to)), { recursive: true })
    replace(this.#ledger, this.#at(to), () => renameSync(this.#at(from), this.#at(to)))
    return true
  }

  #copy(from: string, to: string): boolean {
    if (this.#kindOf(from) !== 'file' || this.#kindOf(to) !== null) return false
    return this.#write(to, readFileSync(this.#at(from)))
  }

  #turn(path: string, into: Kind): boolean {
    const kind = this.#kindOf(path)
    if (kind === null || kind === into) return false
    this.#remove(path)
    if (into === 'link') return this.#link(path)
    return this.#write(into === 'folder' ? `${path}/inside.txt` : path, uniqueContent(this.#tag, 200))
  }

  #burst(path: string, files: number): boolean {
    for (let i = 0; i < files; i++) this.#write(`${path}/${i}`, uniqueContent(`${this.#tag}.${i}`, 100 + i))
    return true
  }

  #restore(choice: number): boolean {
    const history = this.#at('.p2psync/history')
    const old = listed(history)[choice % Math.max(1, listed(history).length)]
    if (old === undefined) return false
    const shelf = join(history, old.name)
    const files = [...readTree(shelf)].filter(([, { text }]) => text.startsWith('file '))
    if (files.length === 0) return false
    const [path] = files[choice % files.length]!
    return this.#kindOf(path) !== 'folder' && this.#save(path, readFileSync(join(shelf, path)))
  }

  #kindOf(path: string): Kind | null {
    try {
      const stat = lstatSync(this.#at(path))
      return stat.isDirectory() ? 'folder' : stat.isSymbolicLink() ? 'link' : 'file'
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException
      if (code === 'ENOENT' || code === 'ENOTDIR') return null
      throw error
    }
  }
}

/** Of a folder that is gone: nothing. */
function listed(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return []
  }
}
