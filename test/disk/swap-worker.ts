import * as fs from 'node:fs'
import { workerData } from 'node:worker_threads'

/** What the thread that swaps is started with. */
export interface SwapOrder {
  readonly root: string
  /** Folders below the root, each with what its name leads to in between. */
  readonly targets: readonly { readonly folder: string; readonly outside: string }[]
  readonly swaps: number
  /** Two numbers: the swaps done, and 1 when no more are wanted. */
  readonly shared: SharedArrayBuffer
}

const { root, targets, swaps, shared } = workerData as SwapOrder
const state = new Int32Array(shared)
let inTheWay = 0

for (const place of ['asides', 'links', 'in-the-way']) fs.mkdirSync(`${root}/${place}`)
for (const [i, { outside }] of targets.entries()) fs.symlinkSync(outside, `${root}/links/${i}`)
for (let done = 0; done < swaps && Atomics.load(state, 1) === 0; done += 2) {
  const i = (done / 2) % targets.length
  const path = `${root}/${targets[i]!.folder}`
  put(path, `${root}/asides/${i}`)
  put(`${root}/links/${i}`, path)
  Atomics.store(state, 0, done + 1)
  // As long as a few calls take, differently long each time.
  for (let k = (done * 7) % 11; k > 5; k--) fs.lstatSync(root)
  put(path, `${root}/links/${i}`)
  put(`${root}/asides/${i}`, path)
  Atomics.store(state, 0, done + 2)
}
Atomics.store(state, 1, 1)

/** Renames, and moves away what somebody has made there in the instant in which nothing was. */
function put(from: string, to: string): void {
  for (;;) {
    try {
      fs.renameSync(from, to)
      return
    } catch {
      if (fs.lstatSync(from, { throwIfNoEntry: false }) === undefined) throw new Error(`${from} is gone`)
      fs.renameSync(to, `${root}/in-the-way/${inTheWay++}`)
    }
  }
}
