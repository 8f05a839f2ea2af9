import pino, { type Logger } from 'pino'
import { isMainThread } from 'node:worker_threads'
import { CrossfadeError } from '../engines/errors.js'

/** The log file, or silence. Secrets never reach it: URLs are not logged, and what looks like one is redacted. */
export function openLog(file: string | undefined): Logger {
  const options = {
    level: file === undefined ? 'silent' : 'debug',
    serializers: { err: errorForLog },
    redact: { paths: ['*.password', '*.url', 'password', 'url'], censor: '[redacted]' },
  }
  if (file === undefined || !isMainThread) return pino(options)
  return pino(options, pino.destination({ dest: file, mkdir: true, sync: true }))
}

/** Where an error came from, down to its first cause. What a driver says itself may quote rows: its code has to do. */
export function errorForLog(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, errno, sqlState } = error as { code?: unknown; errno?: unknown; sqlState?: unknown }
  const isOfServer = !(error instanceof CrossfadeError) && (sqlState !== undefined || 'severity' in error)
  return {
    type: error.name,
    code,
    errno,
    sqlState,
    ...(isOfServer ? {} : { message: error.message }),
    stack: error.stack?.split('\n').filter((line) => line.startsWith('    at ')),
    ...(error.cause === undefined ? {} : { cause: errorForLog(error.cause) }),
  }
}
