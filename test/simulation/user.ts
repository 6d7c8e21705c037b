import type { RelativePath } from '../../src/model/relative-path.ts'
import { isConflictCopyName } from '../../src/vector-clock/conflict-name.ts'
import type { ReplicaWorld } from '../node/replica-world.ts'
import type { WorldDevice } from '../node/world-device.ts'
import { grown, largeText, withChange } from './large-text.ts'
import { mappedTag, plain, type Ledger } from './ledger.ts'
import { awayTarget, isObstacle, Obstacles, obstaclesIn } from './obstacles.ts'
import { root } from './paths.ts'
import type { Operation, WriteKind } from './schedule.ts'
import { writeAsOf } from './write-as-of.ts'

/** Files of an old time, as archives and copying tools make them. */
const oldTimeMs = Date.UTC(2020, 1, 2)
/** What was put there last is looked at within this. */
const obstaclesMs = 10_000
const writtenOutMs = 30_000
/** Of the times of files. */
const tickMs = 12

type Placed = Extract<Operation, { path: string; to: string }>
type Change = Exclude<Extract<Operation, { path: string }>, Placed | { calls: number } | { type: 'rot' }>

export type Edit = Placed | Change

/** The people at all devices. Each content is written once. */
export class User {
  readonly #ledger: Ledger
  readonly #onReplace: UserOptions['onReplace']
  readonly #makeDurable: (at: WorldDevice, path: string) => void
  readonly #obstacles = new Obstacles()
  /** What files held, and since when, in the order in which it was written. */
  readonly #earlier = new Map<string, Earlier[]>()
  /** Files that programs may have mapped: the times of their pages were set a moment ago. */
  readonly #mapped = new Map<WorldDevice, Map<string, { inode: bigint; atMs: number }>>()
  readonly #nowMs: () => number
  #count = 0

  constructor(ledger: Ledger, { savesLate, onReplace, nowMs }: UserOptions) {
    this.#ledger = ledger
    this.#onReplace = onReplace
    this.#nowMs = nowMs
    this.#makeDurable = savesLate ? () => undefined : makeDurable
  }

  /** Does what is possible there; else nothing. */
  edit(at: WorldDevice, edit: Edit): void {
    if (edit.type === 'mapped') return this.#writeMapped(at, edit.path)
    const tree = at.tree()
    const { path } = edit
    const old = tree.get(path)
    if (edit.type === 'remove' && old !== undefined) this.#remove(at, tree, path)
    else if (edit.type === 'chmod' && old?.startsWith('file') === true)
      at.chmod(path, old.endsWith('executable') ? 0o644 : 0o755)
    else if (edit.type === 'rename') rename(at, tree, edit)
    else if (edit.type === 'copy') this.#copy(at, tree, edit)
    else if (!('to' in edit) && hasRoom(tree, path)) this.#make(at, edit, old)
    const written = 'to' in edit ? edit.to : path
    // A parent that is a link may lead in a circle; nothing was written there then.
    if (hasRoom(tree, written)) this.#makeDurable(at, written)
    this.#obstacles.note(at, edit.type === 'take')
  }

  editCopy(at: WorldDevice, type: 'edit-copy' | 'remove-copy'): void {
    const tree = at.tree()
    const copy = [...tree.keys()].find((path) => isConflictCopyName(path as RelativePath))
    if (copy === undefined) return
    if (type === 'remove-copy') this.#remove(at, tree, copy)
    else this.#write(at, copy, { old: tree.get(copy), how: 'small' })
    this.#makeDurable(at, copy)
    this.#obstacles.note(at)
  }

  #make(at: WorldDevice, edit: Change, old: string | undefined): void {
    const { type, path } = edit
    const isFolder = old?.startsWith('folder') === true
    if (type === 'folder' && old === undefined) at.makeFolder(path)
    if (type === 'link' && !isFolder) this.#link(at, path, old)
    if (type === 'take') this.#take(at, path, edit.how)
    if (type === 'write' && !isFolder) this.#write(at, path, { old, how: edit.how })
    if (type === 'restore' && !isFolder) this.#restore(at, path, { old, back: edit.back })
    if ((type === 'grow' || type === 'change') && old?.startsWith('file') === true) {
      const text = plain(old).slice('file '.length)
      const tag = `${type} ${this.#count++}`
      this.#put(at, path, { old, content: type === 'grow' ? grown(text, tag) : withChange(text, tag) })
    }
  }

  #write(at: WorldDevice, path: string, { old, how }: { old: string | undefined; how: WriteKind }): void {
    const text = `content ${String(this.#count++).padStart(3, '0')}`
    const contents = { small: text, old: text, save: text, large: '', empty: '', same: 'content all' }
    const content = how === 'large' ? largeText(text) : contents[how]
    if (old?.startsWith('symlink') === true || isObstacle(old)) at.remove(path)
    this.#put(at, path, { old, content, how })
  }

  #put(at: WorldDevice, path: string, put: { old: string | undefined; content: string; how?: WriteKind }): void {
    const { old, content, how = 'small' } = put
    this.#saw(at, path, old)
    if (how === 'same' || how === 'empty') this.#ledger.mayBeThere(`file ${content}`)
    else this.#ledger.wrote(`file ${content}`)
    if (how === 'save' && old?.startsWith('file') === true) at.save(path, content)
    else if (how === 'old') this.#writeAsOf(at, path, content, oldTimeMs)
    else at.write(path, content)
    const mapped = this.#mapped.get(at) ?? new Map<string, { inode: bigint; atMs: number }>()
    this.#mapped.set(at, mapped.set(path, { inode: inodeOf(at, path), atMs: this.#nowMs() }))
    this.#earlier.set(path, [
      ...(this.#earlier.get(path) ?? []),
      { what: `file ${content}`, mtimeMs: mtimeMsOf(at, path) },
    ])
  }

  /** Of the same length, where the file is by now; not where it is out of the user's sight. */
  #writeMapped(at: WorldDevice, path: string): void {
    const { inode, atMs = 0 } = this.#mapped.get(at)?.get(path) ?? {}
    const tree = at.tree()
    const there = [...tree.keys()].find((other) => inode !== undefined && inodeOf(at, other) === inode)
    const text = plain(tree.get(there ?? '') ?? '').slice('file '.length)
    const tag = mappedTag(this.#count++)
    if (there === undefined || text.length < tag.length || this.#nowMs() > atMs + writtenOutMs) return
    this.#ledger.saw(tree.get(there))
    this.#ledger.wrote(`file ${tag}${text.slice(tag.length)}`)
    at.disk.inodeOf(`${root}/${there}`).bytes.set(Buffer.from(tag))
    this.#makeDurable(at, there)
  }

  /** With the time that it had: what is older than what is there now. */
  #restore(at: WorldDevice, path: string, { old, back }: { old: string | undefined; back: number }): void {
    const earlier = back === 0 ? keptOf(at, path) : this.#earlier.get(path)?.at(-1 - back)
    if (earlier === undefined || earlier.what === plain(old ?? '') || !this.#ledger.isWritten(earlier.what)) return
    if (old?.startsWith('symlink') === true || isObstacle(old)) at.remove(path)
    this.#saw(at, path, old)
    this.#ledger.wroteAgain(earlier.what)
    this.#writeAsOf(at, path, earlier.what.slice('file '.length), earlier.mtimeMs)
  }

  #writeAsOf(at: WorldDevice, path: string, content: string, mtimeMs: number): void {
    const sinceMs = this.#nowMs() - tickMs
    const mapped = [...(this.#mapped.get(at)?.values() ?? [])]
    const hasWritten = (inode: bigint): boolean => mapped.some((file) => file.inode === inode && file.atMs >= sinceMs)
    writeAsOf(at, path, { content, mtimeMs, hasWritten })
  }

  /** So many small files, as a folder has that was there before. */
  fill(at: WorldDevice, files: number): void {
    for (let i = 0; i < files; i++) {
      const path = `g/${i % 4}/${i}`
      if (hasRoom(at.tree(), path)) this.#put(at, path, { old: at.tree().get(path), content: `fill ${this.#count++}` })
    }
    this.#makeDurable(at, 'g')
  }

  /** A script that goes through the folder: four of five files, or all there is. */
  mass(at: WorldDevice, how: 'remove' | 'rewrite' | 'empty'): void {
    const tree = at.tree()
    const files = [...tree].filter(([, what]) => what.startsWith('file'))
    if (how === 'empty') for (const path of tree.keys()) if (!path.includes('/')) this.#remove(at, tree, path)
    for (const [i, [path, old]] of files.entries()) {
      if (how === 'empty' || i % 5 === 0) continue
      if (how === 'remove') this.#remove(at, tree, path)
      else this.#put(at, path, { old, content: `mass ${this.#count++}` })
    }
    this.#makeDurable(at, '')
    this.#obstacles.note(at)
  }

  /** A step of a program: the next file, and now and then a folder. */
  step(at: WorldDevice, step: number, how: 'remove' | 'rewrite'): void {
    const tree = at.tree()
    const files = [...tree].filter(([, what]) => what.startsWith('file'))
    const [path, old] = files[(step * 7) % Math.max(files.length, 1)] ?? []
    if (path !== undefined && how === 'remove') this.#remove(at, tree, path)
    else if (path !== undefined) this.#put(at, path, { old, content: `program ${this.#count++}` })
    const folder = `p${step}`
    if (step % 3 === 2 && !tree.has(folder)) at.makeFolder(folder)
    this.#makeDurable(at, '')
  }

  /** Some lead to a folder: nothing may be written through them. */
  #link(at: WorldDevice, path: string, old: string | undefined): void {
    const number = this.#count++
    const target = number % 2 === 0 ? `target-${number}` : `d${'/.'.repeat(number)}`
    if (old !== undefined) at.remove(path)
    this.#saw(at, path, old)
    this.#ledger.wrote(`symlink ${target}`)
    at.link(path, target)
  }

  /** Something that is not synced is there from now on, with no moment in which nothing is. */
  #take(at: WorldDevice, path: string, how: 'fifo' | 'link'): void {
    const tree = at.tree()
    const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0))
    if (parent !== '' && !tree.has(parent)) at.makeFolder(parent)
    const { isDeaf } = at
    at.isDeaf = true
    if (tree.has(path)) this.#remove(at, tree, path)
    at.isDeaf = isDeaf
    if (how === 'fifo') at.makeOther(path)
    else at.link(path, awayTarget)
  }

  /** Persons read what is not synced, and take it away. Returns what was wrong until then. */
  async clearObstacles({ clock, devices }: ReplicaWorld): Promise<string[]> {
    await clock.pass(obstaclesMs)
    const problems: string[] = []
    for (const at of devices) {
      problems.push(...(await this.#obstacles.problemsOf(at)))
      for (const path of obstaclesIn(at)) at.remove(path)
      this.#makeDurable(at, '')
      this.#obstacles.note(at)
    }
    return problems
  }

  #remove(at: WorldDevice, tree: ReadonlyMap<string, string>, path: string): void {
    for (const [other, what] of tree) if (other === path || other.startsWith(`${path}/`)) this.#saw(at, other, what)
    at.remove(path)
  }

  #saw(at: WorldDevice, path: string, what: string | undefined): void {
    this.#ledger.saw(what)
    if (what !== undefined) this.#onReplace(at, path, what)
  }

  /** Contents that are there twice: whoever removes one has seen only that. */
  #copy(at: WorldDevice, tree: ReadonlyMap<string, string>, { path: from, to }: Placed): void {
    if (!canMove(tree, from, to)) return
    for (const [path, what] of tree) {
      if (path !== from && !path.startsWith(`${from}/`)) continue
      const target = `${to}${path.slice(from.length)}`
      if (!what.startsWith('folder')) this.#ledger.mayBeThere(what)
      if (what.startsWith('folder')) at.makeFolder(target)
      if (what.startsWith('file')) at.write(target, plain(what).slice('file '.length))
      if (what.startsWith('symlink')) at.link(target, what.slice('symlink '.length))
    }
  }
}

export interface UserOptions {
  /** What they write is not durable at once. */
  readonly savesLate: boolean
  /** They replace or remove what is there. */
  readonly onReplace: (at: WorldDevice, path: string, what: string) => void
  /** Monotonic. */
  readonly nowMs: () => number
}

interface Earlier {
  readonly what: string
  readonly mtimeMs: number
}

/** The last of it that is in the history there. */
function keptOf(at: WorldDevice, path: string): Earlier | undefined {
  const kept = [...at.history()].findLast(([place, what]) => place.endsWith(`/${path}`) && what.startsWith('file'))
  return kept === undefined ? undefined : { what: plain(kept[1]), mtimeMs: mtimeMsOf(at, kept[0]) }
}

function inodeOf(at: WorldDevice, path: string): bigint {
  return at.fileState(path)?.inode ?? 0n
}

function mtimeMsOf(at: WorldDevice, path: string): number {
  return Number((at.fileState(path)?.mtimeNs ?? 0n) / 1_000_000n)
}

function rename(at: WorldDevice, tree: ReadonlyMap<string, string>, { path: from, to }: Placed): void {
  if (canMove(tree, from, to)) at.rename(from, to)
}

function canMove(tree: ReadonlyMap<string, string>, from: string, to: string): boolean {
  return tree.has(from) && !tree.has(to) && hasRoom(tree, to) && !`${to}/`.startsWith(`${from}/`)
}

function hasRoom(tree: ReadonlyMap<string, string>, path: string): boolean {
  const segments = path.split('/')
  const parents = segments.slice(1).map((_, i) => segments.slice(0, i + 1).join('/'))
  return parents.every((parent) => (tree.get(parent) ?? 'folder').startsWith('folder'))
}

/** A journal orders names among all folders: what a person saved takes with it the renames that the engine did before. */
function makeDurable({ disk }: WorldDevice, path: string): void {
  disk.quietly(() => {
    const durable = (at: string): void => {
      const kind = disk.lstat(at)?.kind
      if (kind === 'folder') for (const { name } of disk.readFolder(at)) durable(`${at}/${name}`)
      if (kind !== 'file') return
      const handle = disk.openRead(at)
      disk.sync(handle)
      disk.close(handle)
    }
    durable(`${root}/${path}`)
    disk.syncNames()
  })
}
