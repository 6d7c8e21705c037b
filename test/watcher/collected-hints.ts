import * as fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

import { expect, onTestFinished } from 'vitest'

import type { FolderWatcher, WatchHint } from '../../src/ports/folder-watcher.ts'
import { temporaryFolder } from './temporary-folder.ts'

const waitMsMax = 30_000

/** Collects hints and does what a replica does with them: looks at each path when it comes, and walks what is a folder. */
export class CollectedHints {
  readonly all: WatchHint[] = []
  /** What was there, at the paths that were hinted at and below them, at the time of the hint; and the paths themselves. */
  readonly noticed = new Set<string>()
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  readonly add = (hint: WatchHint): void => {
    this.all.push(hint)
    const paths = hint.type === 'paths' ? hint.paths : hint.type === 'overflow' ? [''] : []
    for (const path of paths) this.#notice(path)
  }

  paths(): Set<string> {
    return new Set(this.all.flatMap((hint) => (hint.type === 'paths' ? hint.paths : [])))
  }

  count(type: WatchHint['type']): number {
    return this.all.filter((hint) => hint.type === type).length
  }

  clear(): void {
    this.all.length = 0
    this.noticed.clear()
  }

  /** Resolves once each of `paths` was noticed. */
  async forNoticed(...paths: readonly string[]): Promise<void> {
    const missing = (): string[] => paths.filter((path) => !this.noticed.has(path))
    await this.until(
      () => missing().length === 0,
      () => missing().slice(0, 20).join(', '),
    )
    expect(missing()).toEqual([])
  }

  async until(isThere: () => boolean, what: () => string): Promise<void> {
    const end = performance.now() + waitMsMax
    while (!isThere()) {
      if (performance.now() > end) throw new Error(`waited in vain for ${what()}`)
      await sleep(5)
    }
  }

  #notice(path: string): void {
    this.noticed.add(path)
    const absolute = path === '' ? this.#root : `${this.#root}/${path}`
    try {
      if (!fs.lstatSync(absolute).isDirectory()) return
      for (const name of fs.readdirSync(absolute)) {
        if (path !== '' || name !== '.p2psync') this.#notice(path === '' ? name : `${path}/${name}`)
      }
    } catch {
      // Gone: that is what was noticed.
    }
  }
}

/** A fresh folder that `watcher` watches until the test ends. */
export async function watchFolder(
  watcher: FolderWatcher,
  prepare?: (root: string) => void,
  parent?: string,
): Promise<{ root: string; hints: CollectedHints }> {
  const root = temporaryFolder(parent)
  prepare?.(root)
  const hints = new CollectedHints(root)
  onTestFinished(() => watcher.stop())
  await watcher.start(root, hints.add)
  return { root, hints }
}

/** Time as it is. */
export const realClock = {
  sleep: (milliseconds: number, signal?: AbortSignal): Promise<void> =>
    sleep(milliseconds, undefined, signal === undefined ? {} : { signal }),
}
