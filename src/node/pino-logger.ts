import { destination, pino, type Logger as PinoLogger } from 'pino'
import type { LogFields, Logger } from '../ports/logger.ts'

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** A logger that writes one JSON object a line to a file descriptor, standard error by default, at once. */
export function createPinoLogger(options: { readonly level: LogLevel; readonly fd?: number }): Logger {
  const output = destination({ dest: options.fd ?? 2, sync: true })
  return wrap(pino({ level: options.level, base: null }, output))
}

function wrap(logger: PinoLogger): Logger {
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    child: (fields: LogFields) => wrap(logger.child(fields)),
  }
}
