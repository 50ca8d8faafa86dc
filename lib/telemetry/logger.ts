import { ServiceError } from '../errors.ts'
import { output } from './output.ts'

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>

/** What is audited is written at every setting. */
const levels = ['DEBUG', 'INFO', 'WARN', 'ERROR', 'AUDIT'] as const
type Level = (typeof levels)[number]

const rank = (level: string): number => levels.findIndex((known) => known === level)

function threshold(level: string | undefined): number {
  const wanted = rank((level ?? '').toUpperCase())
  return wanted === -1 ? rank('INFO') : wanted
}

/** Written by hand: a logging library adds 21 KB to every function's start, and we need only this. */
function write(level: Level, message: string, fields: Fields): void {
  const to = output()
  const { clock, settings } = to
  if (rank(level) < threshold(settings['LOG_LEVEL'])) return
  const line = {
    level,
    message,
    timestamp: new Date(clock.now()).toISOString(),
    service: 'driveway',
    functionName: settings['AWS_LAMBDA_FUNCTION_NAME'],
    traceId: settings['_X_AMZN_TRACE_ID'],
    ...fields,
  }
  to.write(`${JSON.stringify(line)}\n`, level === 'ERROR' || level === 'WARN' ? 'stderr' : 'stdout')
}

/**
 * Structured logs: one JSON line each. Fields are flat and primitive, so that no event, header map, provider
 * answer or error of a library can be logged by accident.
 */
export const logger = {
  debug: (message: string, fields: Fields = {}): void => write('DEBUG', message, fields),
  info: (message: string, fields: Fields = {}): void => write('INFO', message, fields),
  warn: (message: string, fields: Fields = {}): void => write('WARN', message, fields),
  error: (message: string, fields: Fields = {}): void => write('ERROR', message, fields),
  audit: (message: string, fields: Fields): void => write('AUDIT', message, fields),
}

export type Log = typeof logger

/** Of our error: codes and the sentence. Of a stranger's: only its name and where it was thrown. */
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
