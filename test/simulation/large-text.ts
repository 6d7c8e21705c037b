import { SeededRandom } from '../twins/seeded-random.ts'

const lineCount = 1500

/** Text of 200 KB that compression makes half as long at best; most of its blocks are in others of these too. */
export function largeText(tag: string): string {
  return withChange(lines().join('\n'), tag)
}

/** The text with another line in its middle. */
export function withChange(text: string, tag: string): string {
  const middle = text.indexOf('\n', Math.floor(text.length / 2))
  return `${text.slice(0, middle)}\n${tag}${text.slice(middle)}`
}

/** The text with a third as much at its end. */
export function grown(text: string, tag: string): string {
  return `${text}\n${tag}\n${lines()
    .slice(0, lineCount / 3)
    .map((line) => `${tag} ${line}`)
    .join('\n')}`
}

let made: readonly string[] | null = null

function lines(): readonly string[] {
  const random = new SeededRandom(4)
  made ??= Array.from({ length: lineCount }, () => Buffer.from(random.bytes(65)).toString('hex'))
  return made
}
