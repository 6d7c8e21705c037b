import type { Logger } from '../../src/ports/logger.ts'
import { silentLogger } from './silent-logger.ts'

const isVerbose = process.env['P2PSYNC_TEST_LOG'] !== undefined

/** Prints what is logged, each line after `name`, when `P2PSYNC_TEST_LOG` is set; else says nothing. */
export function printingLogger(name: string): Logger {
  return isVerbose ? printing(name) : silentLogger
}

function printing(name: string): Logger {
  const print = (message: string, fields?: unknown): void => {
    const text = JSON.stringify(fields ?? {}, (_, value: unknown) =>
      typeof value === 'bigint' ? String(value) : value,
    )
    process.stderr.write(`${name}: ${message} ${text.slice(0, 400)}\n`)
  }
  return { debug: print, info: print, warn: print, error: print, child: () => printing(name) }
}
