import type { BlockRead, BlockReads, HashRequest, HashResult, HashTelling } from '../../src/ports/file-tasks.ts'
import type { PackOrder } from '../../src/ports/packing.ts'
import { DiskFileTasks } from '../../src/workers/disk-file-tasks.ts'

/** What of a sender a test holds in its hands. */
export class HeldSender {
  /** While it is set, what was hashed is known only to peers. */
  isHeld: boolean
  readBytes = 0
  /** What peers are told in place of the blocks that were found. */
  alter = (blocks: Uint8Array): Uint8Array => blocks
  #release: (() => void) | null = null

  constructor({ isHeld = true } = {}) {
    this.isHeld = isHeld
  }

  newTasks = (deps: ConstructorParameters<typeof DiskFileTasks>[0]): DiskFileTasks => new HeldTasks(this, deps)

  release(): void {
    this.isHeld = false
    this.#release?.()
  }

  async wait(): Promise<void> {
    if (this.isHeld) await new Promise<void>((resolve) => (this.#release = resolve))
  }
}

class HeldTasks extends DiskFileTasks {
  readonly #sender: HeldSender

  constructor(sender: HeldSender, deps: ConstructorParameters<typeof DiskFileTasks>[0]) {
    super(deps)
    this.#sender = sender
  }

  /** As if the last bytes took until the release: what changed by then, has changed while it was read. */
  override async hash(files: readonly HashRequest[], telling?: HashTelling): Promise<readonly HashResult[]> {
    if (telling === undefined) return super.hash(files)
    const onBlocks: HashTelling['onBlocks'] = (path, blocks) => telling.onBlocks(path, this.#sender.alter(blocks))
    await super.hash(files, { ...telling, onBlocks })
    await this.#sender.wait()
    return super.hash(files)
  }

  override async readBlocks(requests: readonly BlockRead[], into?: Uint8Array, pack?: PackOrder): Promise<BlockReads> {
    const reads = await super.readBlocks(requests, into, pack)
    this.#sender.readBytes += reads.rawBytes
    return reads
  }
}
