import { P2psyncError } from '../src/model/errors.ts'
import type { CliContext } from './cli-context.ts'

/**
 * Asks for one line on the terminal without showing it.
 *
 * @throws {P2psyncError} `usage` when there is no terminal or the user gave up (Ctrl-C, Ctrl-D).
 */
export async function readSecret(question: string, context: CliContext): Promise<string> {
  const { stdin, stderr } = context
  if (stdin.isTTY !== true || stdin.setRawMode === undefined) {
    throw new P2psyncError('usage', 'there is no terminal to ask for the key on', {
      hint: 'Use --key-file FILE or the environment variable P2PSYNC_KEY.',
    })
  }
  stderr.write(question)
  stdin.setRawMode(true)
  try {
    return await readLine(stdin)
  } finally {
    stdin.setRawMode(false)
    stderr.write('\n')
  }
}

async function readLine(input: AsyncIterable<Uint8Array | string>): Promise<string> {
  let line = ''
  for await (const chunk of input) {
    for (const character of typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8')) {
      if (character === '\r' || character === '\n') return line
      if (character === '\u0003' || character === '\u0004') throw givenUp()
      if (character === '\u007F' || character === '\b') line = line.slice(0, -1)
      else if (character >= ' ') line += character
    }
    if (line.length > lineLengthMax) throw givenUp()
  }
  throw givenUp()
}

const lineLengthMax = 4096

function givenUp(): P2psyncError {
  return new P2psyncError('usage', 'no key was typed', { hint: 'Start again, and end the key with Enter.' })
}
