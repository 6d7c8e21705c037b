import { defaultGuard } from '../model/guard-limits.ts'
import type { GuardOptions } from './folder-guard.ts'
import { withFolderChanged, type KnownFolder } from './node-settings.ts'
import type { SettingsFile } from './settings-file.ts'

/** How a folder is guarded, as the settings have it, and where they keep what it holds. */
export function guardOptions(settings: SettingsFile, path: string): GuardOptions {
  const known = settings.current.folders.find((folder) => folder.path === path)
  return {
    limits: known?.guard === undefined ? defaultGuard : known.guard,
    held: known?.held ?? [],
    onHeld: (held) => settings.update((old) => withFolderChanged(old, path, { held })),
  }
}

/** What stays when a folder is added anew; of an index that begins anew nothing is held. */
export function keptGuard(before: KnownFolder | undefined, isNewIndex: boolean): Pick<KnownFolder, 'guard' | 'held'> {
  return {
    ...(before?.guard === undefined ? {} : { guard: before.guard }),
    ...(before?.held === undefined || isNewIndex ? {} : { held: before.held }),
  }
}
