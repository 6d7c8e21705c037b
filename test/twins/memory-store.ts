import { MemoryLevel } from 'memory-level'
import { abstractLevelStore } from '../../src/file-index/level-store.ts'
import type { KeyValueStore } from '../../src/ports/key-value-store.ts'

/** A store in memory behind the same class as the real one. Nothing outlives it, and `durable` means nothing. */
export function memoryStore(): KeyValueStore {
  return abstractLevelStore(
    new MemoryLevel<Uint8Array, Uint8Array>({ storeEncoding: 'view', keyEncoding: 'view', valueEncoding: 'view' }),
  )
}
