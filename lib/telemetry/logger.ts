import { Logger } from '@aws-lambda-powertools/logger'
import { ServiceError } from '../errors.ts'

type Level = 'DEBUG' | 'INFO' | 'WARN' | 'ERROR'
export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

const levels: readonly string[] = ['DEBUG', 'INFO', 'WARN', 'ERROR']

function levelFromEnvironment(): Level {
  const wanted = (process.env['LOG_LEVEL'] ?? 'INFO').toUpperCase()
  return levels.includes(wanted) ? (wanted as Level) : 'INFO'
}

const sink = new Logger({ serviceName: 'driveway', logLevel: levelFromEnvironment() })

/**
 * Structured logs: one JSON line each. Fields are flat and primitive, so that no event, header map, provider answer
 * or error of a library can be logged by accident.
 */
export const logger = {
  debug: (message: string, fields: Fields = {}): void => sink.debug(message, fields),
  info: (message: string, fields: Fields = {}): void => sink.info(message, fields),
  warn: (message: string, fields: Fields = {}): void => sink.warn(message, fields),
  error: (message: string, fields: Fields = {}): void => sink.error(message, fields),
}

export type Log = typeof logger

/** What may be logged of an error: codes and our own sentence; of a stranger's error only its name and where it was thrown. */
export function errorFields(error: unknown): Fields {
  if (error instanceof ServiceError) {
    return {
      code: error.code,
      detail: error.detail,
      retryable: error.retry.retryable,
      providerCode: error.context.providerCode,
      providerStatus: error.context.providerStatus,
      operatorFault: error.context.operatorFault,
      reason: error.context.reason,
    }
  }
  if (!(error instanceof Error)) return { errorName: typeof error }
  // A library's message may quote a URL or a token; its stack's frames cannot.
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return { errorName: error.name, at: frames.slice(0, 6).join(' ').replaceAll(/\s+/g, ' ').trim() }
}
