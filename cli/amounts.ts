import prettyBytes from 'pretty-bytes'
import prettyMs from 'pretty-ms'

/** `1.2 GB`. */
export function sizeText(bytes: number): string {
  return prettyBytes(bytes)
}

/** `12 MB/s`. */
export function rateText(bytesPerSecond: number): string {
  return `${prettyBytes(Math.round(bytesPerSecond))}/s`
}

/** `1,234 files`, `1 file`. */
export function countText(count: number, one: string, many = `${one}s`): string {
  // Not by toLocaleString: the tables of all languages take 60 ms to load.
  const digits = String(count).replaceAll(/\B(?=(\d{3})+$)/g, ',')
  return `${digits} ${count === 1 ? one : many}`
}

/** `3 minutes`, at least `0 seconds`, whatever a clock said. */
export function durationText(milliseconds: number): string {
  const rounded = Math.round(milliseconds / 1000) * 1000
  return rounded > 0 ? prettyMs(rounded, { compact: true, verbose: true }) : '0 seconds'
}

/** `3 minutes ago`, `just now`. */
export function agoText(milliseconds: number): string {
  return milliseconds < 500 ? 'just now' : `${durationText(milliseconds)} ago`
}

/** `about 3m 20s left`, or '' while it is not known. */
export function timeLeftText(secondsLeft: number | null): string {
  if (secondsLeft === null || !Number.isFinite(secondsLeft)) return ''
  return `about ${prettyMs(Math.max(1, Math.ceil(secondsLeft)) * 1000, { unitCount: 2, secondsDecimalDigits: 0 })} left`
}
