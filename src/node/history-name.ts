/** The name of what goes to history at a time. Sorts by time: `20261120T114741123Z`. */
export function historyName(nowMs: number): string {
  return new Date(nowMs).toISOString().replaceAll(/[-:.]/g, '')
}
