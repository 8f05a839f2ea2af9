import pino, { type Logger } from 'pino'
import { isMainThread } from 'node:worker_threads'

/** The log file, or silence. Secrets never reach it: URLs are not logged, and what looks like one is redacted. */
export function openLog(file: string | undefined): Logger {
  const options = {
    level: file === undefined ? 'silent' : 'debug',
    redact: {
      paths: ['*.password', '*.url', 'password', 'url', 'err.cause.parameters', 'err.parameters'],
      censor: '[redacted]',
    },
  }
  if (file === undefined || !isMainThread) return pino(options)
  return pino(options, pino.destination({ dest: file, mkdir: true, sync: true }))
}
