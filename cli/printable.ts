/**
 * Text from a peer or a disk, safe on a terminal: control characters, invisible format characters (which can reverse
 * what is read) and lone surrogates become `\u{...}`.
 */
export function printable(text: string): string {
  return text.replaceAll(unsafe, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)
}

/** How many columns a printable text takes on a terminal: wide East Asian characters and emoji take two, marks none. */
export function columnsOf(text: string): number {
  let columns = 0
  for (const character of text) columns += mark.test(character) ? 0 : wide.test(character) ? 2 : 1
  return columns
}

/** The text cut to `columnsMax`, with `...` at its end when something is missing. */
export function cutToColumns(text: string, columnsMax: number): string {
  if (columnsOf(text) <= columnsMax) return text
  let cut = ''
  let columns = 3
  for (const character of text) {
    columns += columnsOf(character)
    if (columns > columnsMax) break
    cut += character
  }
  return `${cut}...`
}

const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]|(?!\u200d)\p{Cf}/gu
const mark = /[\p{M}\u200d]/u
const wide =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u
