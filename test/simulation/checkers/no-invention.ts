import type { CheckedRun } from './checked-run.ts'

/** Every content that is seen is one that a user wrote, whole. */
export function noInvention({ world, ledger }: CheckedRun): string[] {
  const found = [...world.devices[0]!.tree()]
  const invented = found.filter(([, what]) => !what.startsWith('folder') && !ledger.isWritten(what))
  return invented.map(([path, what]) => `${path} holds ${JSON.stringify(what.slice(0, 60))}, ${what.length} long`)
}
