/** What one check found. Texts may hold names from a disk, unescaped. */
export interface Finding {
  /** Stable, for scripts: `inotify`, `marker`, ... */
  readonly check: string
  readonly result: 'ok' | 'warning' | 'problem'
  /** Absolute; null for what belongs to no folder. */
  readonly folder: string | null
  /** One line. */
  readonly message: string
  /** What to do; '' when nothing has to be done. */
  readonly hint: string
}

type Told = Pick<Finding, 'message' | 'hint'>

export interface Findings {
  readonly list: readonly Finding[]
  ok(check: string, message: string): void
  warning(check: string, told: Told): void
  problem(check: string, told: Told): void
}

/** Collects what the checks of one folder, or of none, find. */
export function newFindings(folder: string | null): Findings {
  const list: Finding[] = []
  const add = (check: string, result: Finding['result'], told: Told): void => {
    list.push({ check, result, folder, ...told })
  }
  return {
    list,
    ok: (check, message) => add(check, 'ok', { message, hint: '' }),
    warning: (check, told) => add(check, 'warning', told),
    problem: (check, told) => add(check, 'problem', told),
  }
}
