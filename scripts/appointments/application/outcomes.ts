/** What an error means for the application. */

/** Serialization failure and deadlock (PostgreSQL); deadlock, and a row that changed under a snapshot (MySQL, MariaDB). */
const CONTENTION_STATES = new Set(['40001', '40P01'])
const CONTENTION_NUMBERS = new Set([1213, 1020])

/** Errors of pool and driver wrap each other; as deep as any does. */
const MAX_DEPTH = 5

/** The transaction lost against another one and is run again: the application's normal life. */
export function isContention(error: unknown): boolean {
  return some(error, ({ code, errno }) => CONTENTION_STATES.has(String(code)) || CONTENTION_NUMBERS.has(Number(errno)))
}

/** COMMIT was sent, and nobody knows whether it took effect. */
export function isUnclear(error: unknown): boolean {
  return some(error, ({ code }) => code === 'OUTCOME_UNKNOWN')
}

function some(error: unknown, test: (error: { code?: unknown; errno?: unknown }) => boolean): boolean {
  let current = error
  for (let depth = 0; depth < MAX_DEPTH && current instanceof Error; depth += 1) {
    if (test(current as { code?: unknown; errno?: unknown })) return true
    current = current.cause
  }
  return false
}
