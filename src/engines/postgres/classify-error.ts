/** Driver and server errors as Crossfade's own, by SQLSTATE and by the state of the connection, never by message text. */
import { DatabaseError } from 'pg'
import { CrossfadeError, type ErrorCode } from '../errors.js'

const BY_STATE: Readonly<Record<string, ErrorCode>> = {
  '40001': 'CONTENTION',
  '40P01': 'CONTENTION',
  '55P03': 'CONTENTION',
  '23505': 'UNIQUE_VIOLATION',
  '42501': 'PERMISSION_DENIED',
  '25P03': 'CONNECTION_LOST',
  '57P01': 'CONNECTION_LOST',
  '57P02': 'CONNECTION_LOST',
  '57P03': 'CONNECTION_LOST',
  '57P05': 'CONNECTION_LOST',
}

/** The gate refuses with this state (read only transaction) and its own routine name in `constraint`. */
export const SIDE_CLOSED_STATE = '25006'
export const SIDE_CLOSED_MARK = 'crossfade_gate'

/** @returns the error to throw; a {@link CrossfadeError} comes back as it is. */
export function classifyError(error: unknown): CrossfadeError {
  if (error instanceof CrossfadeError) return error
  if (!(error instanceof DatabaseError)) {
    // Without a SQLSTATE it did not come from the server: the driver could not talk to it.
    if (error instanceof TypeError) return new CrossfadeError('STATEMENT_FAILED', error.message, { cause: error })
    return new CrossfadeError('CONNECTION_LOST', `the connection to PostgreSQL broke: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const state = error.code ?? ''
  const code = state.startsWith('08') ? 'CONNECTION_LOST' : codeOf(error, state)
  return new CrossfadeError(code, describe(error, state), { cause: error })
}

export function connectError(error: unknown, where: string): CrossfadeError {
  const state = error instanceof DatabaseError && error.code ? ` (SQLSTATE ${error.code})` : ''
  return new CrossfadeError('CONNECT_FAILED', `cannot connect to ${where}: ${messageOf(error)}${state}`, {
    cause: error,
  })
}

function codeOf(error: DatabaseError, state: string): ErrorCode {
  if (state === SIDE_CLOSED_STATE && error.constraint === SIDE_CLOSED_MARK) return 'SIDE_CLOSED'
  return state === SIDE_CLOSED_STATE ? 'READ_ONLY' : (BY_STATE[state] ?? 'STATEMENT_FAILED')
}

/** Messages of these classes quote row values (a key, a bad literal); names and the state say enough. */
function describe(error: DatabaseError, state: string): string {
  const place = [error.table && `table ${error.table}`, error.column && `column ${error.column}`, error.constraint]
    .filter(Boolean)
    .join(', ')
  const suffix = `${place === '' ? '' : ` (${place})`} (SQLSTATE ${state})`
  const quotesValues = state.startsWith('22') || state.startsWith('23')
  return `${quotesValues ? valueFree(state) : error.message}${suffix}`
}

function valueFree(state: string): string {
  if (state === '23505') return 'a unique key has this value already'
  if (state === '23503') return 'a foreign key is violated'
  if (state === '23502') return 'a column does not take NULL'
  if (state === '23514') return 'a check is violated'
  return 'a value does not fit its type'
}

/** Node joins the failures of several addresses into one error with an empty message. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}
