import type { Disk } from '../../src/ports/disk.ts'

/**
 * Called before each operation with its first argument when that is a path, else ''; what it throws, the caller gets. What
 * it returns is called when the operation is done.
 */
export type DiskHook = (operation: keyof Disk, path: string) => void | (() => void)

/** `disk` with `hook` in front. */
export function hookedDisk(disk: Disk, hook: DiskHook): Disk {
  return new Proxy(disk, {
    get(target, name): unknown {
      const method: unknown = Reflect.get(target, name)
      if (typeof method !== 'function') return method
      return (...args: unknown[]): unknown => {
        const then = hook(name as keyof Disk, typeof args[0] === 'string' ? args[0] : '')
        const result: unknown = Reflect.apply(method, target, args)
        then?.()
        return result
      }
    },
  })
}

/** What a disk throws. */
export function diskError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code })
}

/** The process is no more: has no code, so that nobody handles it. */
export class Crash extends Error {
  override readonly name = 'Crash'
}

/** Ends the process at the operation with this index (0 is the first); closing is what the system does for the dead. */
export function crashAt(index: number): DiskHook {
  let count = 0
  return (operation) => {
    if (operation !== 'close' && count++ >= index) throw new Crash()
  }
}

/** Lets the operation with this index, and no other, fail. */
export function failAt(index: number, code: string): DiskHook {
  let count = 0
  return (operation) => {
    if (operation !== 'close' && count++ === index) throw diskError(code)
  }
}

/** Lets the operation with this index, and no other, be done and seem to have failed: the answer of a server was lost. */
export function seemToFailAt(index: number, code: string): DiskHook {
  let count = 0
  return (operation) => {
    if (operation === 'close' || count++ !== index) return undefined
    return () => {
      throw diskError(code)
    }
  }
}
