import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlockCutter } from '../src/blocks/block-cutter.ts'
import type { ChunkParameters } from '../src/blocks/chunk-parameters.ts'
import { hashFiles } from '../src/blocks/hash-file.ts'
import { hashBlock, hashEngineName } from '../src/blocks/hash.ts'
import { readBlocks } from '../src/blocks/read-blocks.ts'
import { stageBlocks } from '../src/blocks/stage-blocks.ts'
import { NodeDisk } from '../src/disk/node-disk.ts'
import type { RelativePath } from '../src/model/relative-path.ts'
import type { HashRequest } from '../src/ports/file-tasks.ts'

/**
 * How fast bytes become blocks on one core: medians of 5 after one run to warm up. `node bench/blocks.ts [folder]`; the
 * files are made in the folder (default: the system's temporary one) and removed at the end.
 */
const disk = new NodeDisk()
const root = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'p2psync-bench-'))
const mebibyte = 2 ** 20
const smallFiles = 20_000

try {
  mkdirSync(join(root, '.p2psync/staging'), { recursive: true })
  const data = randomBytes(256 * mebibyte)
  console.log(`hash engine: ${hashEngineName}`)
  benchMemory(data)
  benchLargeFile(data)
  benchSmallFiles(data)
} finally {
  rmSync(root, { recursive: true })
}

function benchMemory(data: Uint8Array): void {
  for (const kibibytes of [4, 64, 1024]) {
    report(`hash, blocks of ${kibibytes} KiB, in cache`, 'MiB/s', 256, () => {
      const block = data.subarray(0, kibibytes * 1024)
      for (let done = 0; done < data.length; done += block.length) hashBlock(block)
    })
  }
  for (const averageBytes of [64 * 1024, mebibyte]) {
    const parameters = { minBytes: averageBytes / 4, averageBytes, maxBytes: averageBytes * 4 }
    const cutter = new BlockCutter()
    const name = `chunk, average ${averageBytes / 1024} KiB`
    report(`${name}, copied in`, 'MiB/s', 256, () => cutAll(cutter, parameters, data, () => {}))
    report(`${name}, copied in, + hash`, 'MiB/s', 256, () => cutAll(cutter, parameters, data, hashBlock))
  }
}

function benchLargeFile(data: Uint8Array): void {
  writeFileSync(join(root, 'large'), data)
  const request = requestOf('large')
  report('read + chunk + hash a file of 256 MiB', 'MiB/s', 256, () => run(hashFiles(disk, root, [request])))
  const block = data.subarray(0, 64 * 1024)
  const hash = hashBlock(block)
  const reads = Array.from({ length: 16 }, () => ({ path: request.path, offset: 0, length: block.length, hash }))
  report('read blocks of 64 KiB for a peer', 'MiB/s', 256, () => {
    for (let i = 0; i < 256; i++) run(readBlocks(disk, root, reads))
  })
  const staged = Array.from({ length: 4096 }, (_, i) => {
    return { staged: 'large', offset: i * block.length, length: block.length, hash, at: 0 }
  })
  report('check and stage blocks of 64 KiB', 'MiB/s', 256, () => {
    for (let i = 0; i < 4096; i += 16) run(stageBlocks(disk, root, staged.slice(i, i + 16), block))
  })
}

function benchSmallFiles(data: Uint8Array): void {
  const paths = Array.from({ length: smallFiles }, (_, i) => `d${i % 100}/${i}`)
  for (let i = 0; i < 100; i++) mkdirSync(join(root, `d${i}`))
  for (const [i, path] of paths.entries()) writeFileSync(join(root, path), data.subarray(i * 4096, (i + 1) * 4096))
  const requests = paths.map(requestOf)
  report('hash 20,000 files of 4 KiB', 'files/s', smallFiles, () => run(hashFiles(disk, root, requests)))
  const bytes = data.subarray(0, 4096)
  const hash = hashBlock(bytes)
  let turn = 0
  report('stage 20,000 files of 4 KiB', 'files/s', smallFiles, () => {
    turn++
    const blocks = paths.map((_, i) => ({ staged: `${turn}-${i}`, offset: 0, length: 4096, hash, at: 0 }))
    run(stageBlocks(disk, root, blocks, bytes))
  })
}

function cutAll(
  cutter: BlockCutter,
  parameters: ChunkParameters,
  data: Uint8Array,
  onBlock: (block: Uint8Array) => void,
): void {
  cutter.start(parameters)
  for (let at = 0; at < data.length;) {
    const space = cutter.space()
    const part = data.subarray(at, at + space.length)
    space.set(part)
    cutter.filled(part.length)
    at += part.length
    for (let block = cutter.next(at === data.length); block !== null; block = cutter.next(at === data.length)) {
      onBlock(block)
    }
  }
}

function requestOf(path: string): HashRequest {
  const entry = disk.lstat(join(root, path))
  if (entry?.kind !== 'file') throw new Error(`${path} is no file`)
  return { path: path as RelativePath, disk: entry }
}

function run<Result>(job: Generator<void, Result>): Result {
  for (;;) {
    const step = job.next()
    if (step.done === true) return step.value
  }
}

function report(name: string, unit: string, amount: number, work: () => void): void {
  work()
  const rates = Array.from({ length: 5 }, () => {
    const begun = performance.now()
    work()
    return (amount / (performance.now() - begun)) * 1000
  })
  const median = rates.sort((a, b) => a - b)[2]!
  console.log(`${name.padEnd(48)}${Math.round(median).toLocaleString('en').padStart(10)} ${unit}`)
}

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536))
  return bytes
}
