import { assert } from '../model/errors.ts'
import { blockBytesMax } from '../model/limits.ts'
import type { ChunkParameters } from './chunk-parameters.ts'
import { fastCdcWasm } from './fast-cdc-wasm.ts'
import { gearTable, gearWindowBytes } from './gear-table.ts'
import { isZeros } from './zero-blocks.ts'

/**
 * Where does one block end and the next begin, so that an insertion moves only the blocks around it?
 *
 * FastCDC with normalised chunking of level 2: a block ends at the first length L, from the smallest on, at which the
 * gear hash of the 32 bytes before that point is below 2^30/average while L < average, below 2^34/average from there
 * on; at the largest length, or the end of the file, in any case. Nothing else counts: not what came before those 32
 * bytes, not how the file was read. Blocks come out about 1.15 averages long on random data.
 *
 * Cost: bytes below the smallest length are skipped, the rest takes one load and one add each in WebAssembly. Zeros hold no
 * boundary, unless blocks are tiny: a run of them costs a comparison. Files are read straight into its memory and hashed
 * there.
 *
 * Source: Xia et al., "FastCDC: a Fast and Efficient Content-Defined Chunking Approach for Data Deduplication", 2016.
 */
export class BlockCutter {
  readonly #memory: Uint8Array
  readonly #findBoundary: FindBoundary
  #parameters: ChunkParameters = { minBytes: 0, averageBytes: 0, maxBytes: 0 }
  #zerosMayEndBlock = true
  #limit = windowAt
  /** What is buffered and not yet given out lies in [begin, end); its first `scanned` bytes hold no boundary. */
  #begin = windowAt
  #end = windowAt
  #scanned = 0

  constructor() {
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    const { exports } = new WebAssembly.Instance(wasmModule, { env: { memory } })
    new Uint32Array(memory.buffer).set(gear)
    this.#memory = new Uint8Array(memory.buffer)
    this.#findBoundary = exports['findBoundary'] as FindBoundary
  }

  /** Forgets everything and gets ready for another file. `maxBytes` is at most `blockBytesMax`. */
  start(parameters: ChunkParameters): void {
    assert(parameters.minBytes >= gearWindowBytes && parameters.maxBytes <= blockBytesMax, 'chunk parameters in bounds')
    this.#parameters = parameters
    this.#zerosMayEndBlock = hashOfZeros < 2 ** 34 / parameters.averageBytes
    this.#limit = windowAt + Math.min(windowBytesMax, 4 * parameters.maxBytes)
    this.#begin = this.#end = windowAt
    this.#scanned = 0
  }

  /** Where the file's next bytes go, as many as there is room for. Blocks given out before are overwritten. */
  space(): Uint8Array {
    if (this.#begin > windowAt) {
      this.#memory.copyWithin(windowAt, this.#begin, this.#end)
      this.#end -= this.#begin - windowAt
      this.#begin = windowAt
    }
    return this.#memory.subarray(this.#end, this.#limit)
  }

  /** Says that the first `bytes` of {@link space} have been filled. */
  filled(bytes: number): void {
    assert(bytes <= this.#limit - this.#end, 'no more bytes than there is room for')
    this.#end += bytes
  }

  /**
   * The next block, or null when more bytes are needed; after `atEnd`, when there is none. The view belongs to the
   * cutter and is good until {@link space} is called.
   */
  next(atEnd: boolean): Uint8Array | null {
    const available = Math.min(this.#end - this.#begin, this.#parameters.maxBytes)
    let length = this.#findLength(available)
    if (length === 0) {
      if (available < this.#parameters.maxBytes && !(atEnd && available > 0)) return null
      length = available
    }
    this.#scanned = 0
    this.#begin += length
    return this.#memory.subarray(this.#begin - length, this.#begin)
  }

  /** The next `length` bytes, at most those of a largest block; null when more have to be read first. */
  peek(length: number): Uint8Array | null {
    return this.#begin + length > this.#end ? null : this.#memory.subarray(this.#begin, this.#begin + length)
  }

  /** Takes that many bytes as a block: the caller knows that {@link next} would end one there. */
  take(length: number): void {
    this.#scanned = 0
    this.#begin += length
  }

  /** The length at which the hash ends the block, 0 when none up to `available` does. */
  #findLength(available: number): number {
    const { minBytes, averageBytes } = this.#parameters
    const strictEnd = Math.min(averageBytes - 1, available)
    let from = Math.max(this.#scanned, minBytes - 1)
    let boundary = 0
    if (!this.#zerosMayEndBlock && this.#memory[this.#begin] === 0) {
      if (isZeros(this.#memory.subarray(this.#begin, this.#begin + available))) from = available
    }
    if (from < strictEnd) {
      boundary = this.#findBoundary(this.#begin + from, this.#begin + strictEnd, 2 ** 30 / averageBytes)
      from = strictEnd
    }
    if (boundary === 0 && from < available) {
      boundary = this.#findBoundary(this.#begin + from, this.#begin + available, 2 ** 34 / averageBytes)
    }
    this.#scanned = available
    return boundary === 0 ? 0 : boundary - this.#begin
  }
}

/** A cutter that nobody else uses until it is given back: they are 8 MiB large and slow to make. */
export function borrowCutter(): BlockCutter {
  const spare = spareCutter ?? new BlockCutter()
  spareCutter = null
  return spare
}

export function returnCutter(cutter: BlockCutter): void {
  spareCutter = cutter
}

let spareCutter: BlockCutter | null = null

// The window holds two of the largest blocks; smaller ones get a smaller window, which stays in the processor's cache.
const windowAt = 64 * 1024
const windowBytesMax = 2 * blockBytesMax
const pages = (windowAt + windowBytesMax) / (64 * 1024)

const gear = gearTable()
/** The gear hash of 32 zeros: each of the 32 shifts of one word, added up modulo 2^32. */
const hashOfZeros = -gear[0]! >>> 0

type FindBoundary = (from: number, end: number, limit: number) => number

// The part of the WebAssembly API that is used here: Node's types have none without the browser's.
declare const WebAssembly: {
  readonly Memory: new (limits: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (
    module: object,
    imports: { env: { memory: object } },
  ) => { readonly exports: Readonly<Record<string, unknown>> }
}

const wasmModule = new WebAssembly.Module(Buffer.from(fastCdcWasm, 'base64'))
