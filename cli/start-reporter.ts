import type { FolderStatus, NodeApi, NodeEvent } from '../src/node/node-api.ts'
import type { CliContext } from './cli-context.ts'
import { eventLine, liveLine } from './event-lines.ts'
import { PacedLines } from './paced-lines.ts'
import { cutToColumns } from './printable.ts'

/**
 * Tells on stdout what the node does: each event as JSON, or on a terminal one line that is redrawn and lines for what
 * should stay, or in a pipe lines at most once a second.
 */
export class StartReporter {
  readonly #context: CliContext
  readonly #json: boolean
  readonly #live: boolean
  readonly #lines: PacedLines
  readonly #drawing: PacedLines
  readonly #folders = new Map<string, FolderStatus>()
  #unsubscribe: () => void = () => undefined
  #drawn = ''
  #stopping = false

  constructor(context: CliContext, options: { readonly json: boolean }) {
    this.#context = context
    this.#json = options.json
    this.#live = !options.json && context.stdout.isTTY === true
    this.#lines = new PacedLines(context.clock, this.#live ? 0 : lineEveryMs, (line) => this.#print(line))
    this.#drawing = new PacedLines(context.clock, drawEveryMs, () => this.#draw())
  }

  /** Reports the present state of each folder, then every event. */
  async start(api: NodeApi): Promise<void> {
    this.#unsubscribe = api.subscribe((event) => this.#report(event))
    const folders = await api.status()
    for (const folder of folders) {
      if (!this.#folders.has(folder.path)) this.#report({ type: 'folder', at: this.#context.clock.now(), folder })
    }
  }

  async stop(): Promise<void> {
    this.#unsubscribe()
    await Promise.all([this.#lines.stop(), this.#drawing.stop()])
    if (this.#json) return
    this.#erase()
    this.#context.stdout.write('stopped\n')
  }

  #report(event: NodeEvent): void {
    if (this.#json) {
      this.#context.stdout.write(`${JSON.stringify(event)}\n`)
      return
    }
    const before = event.type === 'folder' ? this.#folders.get(event.folder.path) : undefined
    if (event.type === 'folder') this.#folders.set(event.folder.path, event.folder)
    if (this.#stopping) return
    // What falls apart while the node stops is no news.
    if (event.type === 'stopping') this.#stopping = true
    if (event.type === 'folder-removed') this.#folders.delete(event.path)
    const line = eventLine(event, { before: before ?? null, live: this.#live })
    if (line !== null) this.#lines.push(line.subject, line.text)
    if (this.#live) this.#drawing.push('', '')
  }

  #print(line: string): void {
    this.#erase()
    this.#context.stdout.write(`${line}\n`)
    if (this.#live) this.#draw()
  }

  #draw(): void {
    this.#erase()
    const columns = this.#context.stdout.columns ?? 80
    this.#drawn = cutToColumns(liveLine([...this.#folders.values()]), columns - 1)
    this.#context.stdout.write(this.#drawn)
  }

  #erase(): void {
    if (this.#drawn !== '') this.#context.stdout.write('\r\u001B[2K')
    this.#drawn = ''
  }
}

const lineEveryMs = 1000
const drawEveryMs = 200
