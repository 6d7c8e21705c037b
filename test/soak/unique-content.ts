import { createHash } from 'node:crypto'
import { fileText } from '../e2e/folder-tree.ts'

/** A file's bytes that no other tag gives: the tag, then noise up to the size. Never shorter than the tag, but for size 0. */
export function uniqueContent(tag: string, sizeBytes: number): Buffer {
  if (sizeBytes === 0) return Buffer.alloc(0)
  const head = Buffer.from(`${tag}\n`)
  const noiseBytes = sizeBytes - head.length
  if (noiseBytes <= 0) return head
  const noise = createHash('shake256', { outputLength: noiseBytes }).update(tag).digest()
  return Buffer.concat([head, noise])
}

/** What a tree says of a file with these bytes. */
export function textOf(bytes: Buffer): string {
  return fileText({ size: bytes.length, mode: 0o644 }, createHash('sha256').update(bytes).digest('hex'))
}
