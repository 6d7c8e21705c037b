import type { Disk } from '../../src/ports/disk.ts'

/** The calls that change what is at a path. Those of `close` and `sync` change nothing. */
export const changingCalls = [
  'openWrite',
  'create',
  'makeFolder',
  'makeLink',
  'setLinkMtime',
  'setPathMode',
  'hardLink',
  'rename',
  'copyFile',
  'cloneFile',
  'unlink',
  'removeFolder',
] as const satisfies readonly (keyof Disk)[]
