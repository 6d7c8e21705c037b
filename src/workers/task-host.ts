import type { Disk } from '../ports/disk.ts'
import type { HashTelling } from '../ports/file-tasks.ts'
import { DiskFileTasks } from './disk-file-tasks.ts'
import { ownBytes, transferList } from './own-bytes.ts'
import { packError } from './packed-error.ts'
import { packHashResults, unpackHashRequests } from './packed-hash.ts'
import {
  listingsAhead,
  type CallArguments,
  type CallName,
  type CallResult,
  type Session,
  type WorkerAnswer,
  type WorkerRequest,
} from './worker-messages.ts'

/** Sends an answer to the main thread and hands over the buffers. */
export type SendAnswer = (answer: WorkerAnswer, transfer: ArrayBuffer[]) => void

/** The side of a file worker that does the work: one {@link DiskFileTasks} a session, one answer a call. */
export class TaskHost {
  readonly #openDisk: (root: string) => Disk
  readonly #send: SendAnswer
  readonly #sessions = new Map<number, DiskFileTasks>()
  readonly #scans = new Map<number, Allowance>()

  /** `openDisk` gives the disk for what lies below an absolute path. */
  constructor({ openDisk, send }: { openDisk: (root: string) => Disk; send: SendAnswer }) {
    this.#openDisk = openDisk
    this.#send = send
  }

  /** Begins what is asked; it is answered when it is done. */
  handle(request: Exclude<WorkerRequest, { type: 'stop' | 'tidy' }>): void {
    switch (request.type) {
      case 'call':
        void this.#answering(request.id, () => this.#call(request))
        break
      case 'scan':
        void this.#answering(request.id, () => this.#scan(request))
        break
      case 'scan-more':
        this.#scans.get(request.id)?.add()
        break
      case 'scan-stop':
        this.#scans.get(request.id)?.end()
        break
    }
  }

  /** Ends all jobs; resolves when none runs any more. */
  async close(): Promise<void> {
    for (const scan of this.#scans.values()) scan.end()
    await Promise.all([...this.#sessions.values()].map((tasks) => tasks.close()))
  }

  async #answering(id: number, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#send({ type: 'failed', id, error: packError(error) }, [])
    }
  }

  async #call({ id, session, name, args }: Extract<WorkerRequest, { type: 'call' }>): Promise<void> {
    const tasks = this.#tasks(session)
    if (name === 'close') this.#sessions.delete(session.number)
    const value =
      name === 'hash' ? await this.#hash(id, tasks, args as CallArguments<'hash'>) : await callTask(tasks, name, args)
    if (name === 'readBlocks') {
      const reads = value as CallResult<'readBlocks'>
      const bytes = ownBytes(reads.bytes)
      this.#send({ type: 'result', id, value: { ...reads, bytes } }, transferList([bytes]))
    } else if (name === 'stageBlocks') {
      const { bytes } = value as CallResult<'stageBlocks'>
      this.#send({ type: 'result', id, value }, transferList([ownBytes(bytes)]))
    } else if (name === 'hash') {
      const lists = (value as CallResult<'hash'>).blockLists.map(([, blockList]) => blockList)
      this.#send({ type: 'result', id, value }, transferList(lists))
    } else if (name === 'look') {
      this.#send({ type: 'result', id, value }, [(value as CallResult<'look'>).states.buffer])
    } else {
      this.#send({ type: 'result', id, value }, [])
    }
  }

  async #hash(id: number, tasks: DiskFileTasks, [packed, told]: CallArguments<'hash'>): Promise<CallResult<'hash'>> {
    const requests = unpackHashRequests(packed)
    const onBlocks: HashTelling['onBlocks'] = (path, blocks) => {
      const owned = ownBytes(blocks)
      this.#send({ type: 'blocks', id, path, blocks: owned }, transferList([owned]))
    }
    const telling = told === null ? undefined : { ...told, onBlocks }
    return packHashResults(requests, await tasks.hash(requests, telling))
  }

  async #scan({ id, session, start }: Extract<WorkerRequest, { type: 'scan' }>): Promise<void> {
    const allowance = new Allowance(listingsAhead)
    this.#scans.set(id, allowance)
    try {
      for await (const listing of this.#tasks(session).list(start)) {
        if (!(await allowance.take())) return
        this.#send({ type: 'listing', id, listing }, [])
      }
      this.#send({ type: 'scan-end', id }, [])
    } finally {
      this.#scans.delete(id)
    }
  }

  #tasks({ number, root }: Session): DiskFileTasks {
    let tasks = this.#sessions.get(number)
    if (tasks === undefined) {
      tasks = new DiskFileTasks({ disk: this.#openDisk(root), root })
      this.#sessions.set(number, tasks)
    }
    return tasks
  }
}

function callTask(tasks: DiskFileTasks, name: Exclude<CallName, 'hash'>, args: readonly unknown[]): Promise<unknown> {
  // The caller on the main thread was checked against the types of this very method.
  const task = tasks[name] as (...args: readonly unknown[]) => Promise<unknown>
  return task.apply(tasks, [...args])
}

/** How many batches may still be sent, waited for when there are none. */
class Allowance {
  #left: number
  #hasEnded = false
  #wake: (() => void) | null = null

  constructor(left: number) {
    this.#left = left
  }

  add(): void {
    this.#left++
    this.#wake?.()
  }

  end(): void {
    this.#hasEnded = true
    this.#wake?.()
  }

  /** False when nobody wants any more. */
  async take(): Promise<boolean> {
    while (this.#left === 0 && !this.#hasEnded) await new Promise<void>((resolve) => (this.#wake = resolve))
    this.#wake = null
    this.#left--
    return !this.#hasEnded
  }
}
