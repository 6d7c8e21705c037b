import { errorText, P2psyncError } from '../src/model/errors.ts'
import type { Output } from './cli-context.ts'
import { printable } from './printable.ts'

export const exitCodes = { done: 0, failed: 1, wrongUsage: 2, noNode: 3 }

export const exitCodesHelp = 'Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no node is running.'

/**
 * Prints what happened and what to do next, as two lines or as one JSON object, and returns the exit code. Null is
 * success.
 */
export function reportError(error: unknown, stderr: Output, json: boolean): number {
  if (error === null) return exitCodes.done
  const known = error instanceof P2psyncError ? error : null
  const message = errorText(error)
  if (json) {
    const code = known?.code ?? 'internal'
    stderr.write(`${JSON.stringify({ error: { code, message, hint: known?.hint ?? '' } })}\n`)
  } else {
    stderr.write(`p2psync: ${printable(message)}\n`)
    if (known === null)
      stderr.write(`${stackOf(error)}\nThis is a bug of p2psync: please report it with these lines.\n`)
    else if (known.hint !== '') stderr.write(`${asSentence(printable(known.hint))}\n`)
  }
  return exitCodeOf(known)
}

function exitCodeOf(error: P2psyncError | null): number {
  if (error === null) return exitCodes.failed
  if (error.code === 'no-node') return exitCodes.noNode
  return ['usage', 'bad-key', 'bad-address'].includes(error.code) ? exitCodes.wrongUsage : exitCodes.failed
}

function asSentence(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? '') : ''
}
