/** Patterns of paths (`*.txt`, `docs/**`, `/top`) that are fetched before all others, and after all others. */
export interface FolderOrder {
  readonly first: readonly string[]
  readonly last: readonly string[]
}

export const noOrder: FolderOrder = { first: [], last: [] }

const orderPatternsMax = 256
const orderPatternBytesMax = 1024

/** Whether `value`, from a file or a caller, is a list of patterns within bounds. */
export function isPatternList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length <= orderPatternsMax && value.every(isPattern)
}

function isPattern(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    !value.includes('\0') &&
    Buffer.byteLength(value) <= orderPatternBytesMax
  )
}
