/** Errors of the driver and the server as {@link CrossfadeError}, by error number and never by message text. */
import { CrossfadeError, type ErrorCode } from '../errors.js'

/** SIGNAL of our gate triggers. The number is ER_OPTION_PREVENTS_STATEMENT, which a read-only server raises as well. */
export const GATE_ERRNO = 1290
export const GATE_MESSAGE_START = 'crossfade: side '

const BY_NUMBER: Readonly<Record<number, ErrorCode>> = {
  1213: 'CONTENTION', // ER_LOCK_DEADLOCK
  1205: 'CONTENTION', // ER_LOCK_WAIT_TIMEOUT
  1020: 'CONTENTION', // ER_CHECKREAD, innodb_snapshot_isolation of MariaDB
  1969: 'CONTENTION', // ER_STATEMENT_TIMEOUT, MariaDB
  3024: 'CONTENTION', // ER_QUERY_TIMEOUT, MySQL
  1317: 'CONTENTION', // ER_QUERY_INTERRUPTED: KILL QUERY ends attempts that took too long
  1062: 'UNIQUE_VIOLATION', // ER_DUP_ENTRY
  1586: 'UNIQUE_VIOLATION', // ER_DUP_ENTRY_WITH_KEY_NAME
  1044: 'PERMISSION_DENIED', // ER_DBACCESS_DENIED_ERROR
  1142: 'PERMISSION_DENIED', // ER_TABLEACCESS_DENIED_ERROR
  1143: 'PERMISSION_DENIED', // ER_COLUMNACCESS_DENIED_ERROR
  1227: 'PERMISSION_DENIED', // ER_SPECIFIC_ACCESS_DENIED_ERROR
  1345: 'PERMISSION_DENIED', // ER_VIEW_NO_EXPLAIN
  1370: 'PERMISSION_DENIED', // ER_PROCACCESS_DENIED_ERROR
  1419: 'PERMISSION_DENIED', // ER_BINLOG_CREATE_ROUTINE_NEED_SUPER
  1927: 'CONNECTION_LOST', // ER_CONNECTION_KILLED, MariaDB
  1053: 'CONNECTION_LOST', // ER_SERVER_SHUTDOWN
  1158: 'CONNECTION_LOST', // ER_NET_READ_ERROR
  1159: 'CONNECTION_LOST', // ER_NET_READ_INTERRUPTED
  1160: 'CONNECTION_LOST', // ER_NET_ERROR_ON_WRITE
  1161: 'CONNECTION_LOST', // ER_NET_WRITE_INTERRUPTED
  4031: 'CONNECTION_LOST', // ER_CLIENT_INTERACTION_TIMEOUT, MySQL
}

const LOST_CODES: ReadonlySet<string> = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'ECONNRESET',
  'EPIPE',
  'ECONNABORTED',
  'ETIMEDOUT',
  'ERR_STREAM_DESTROYED',
  'PROTOCOL_SEQUENCE_TIMEOUT',
])

interface DriverError {
  readonly errno?: number | undefined
  readonly code?: string | undefined
  readonly message: string
  readonly fatal?: boolean | undefined
}

/** An error of a statement. */
export function classifyError(cause: unknown): CrossfadeError {
  if (cause instanceof CrossfadeError) return cause
  const error = readError(cause)
  return new CrossfadeError(codeOf(error), describe(error), { cause })
}

/** An error of opening a connection: whatever it is, there is none. */
export function classifyConnectError(cause: unknown, server: string): CrossfadeError {
  if (cause instanceof CrossfadeError) return cause
  return new CrossfadeError('CONNECT_FAILED', `cannot connect to ${server}: ${describe(readError(cause))}`, { cause })
}

export function errnoOf(error: unknown): number | undefined {
  const source = error instanceof CrossfadeError ? error.cause : error
  return readError(source).errno
}

function codeOf(error: DriverError): ErrorCode {
  if (error.errno === GATE_ERRNO && error.message.includes(GATE_MESSAGE_START)) return 'SIDE_CLOSED'
  const known = error.errno === undefined ? undefined : BY_NUMBER[error.errno]
  if (known) return known
  if (error.code !== undefined && LOST_CODES.has(error.code)) return 'CONNECTION_LOST'
  // The driver's own word for "no statement can run on this connection any more".
  return error.fatal === true ? 'CONNECTION_LOST' : 'STATEMENT_FAILED'
}

/** The server's message, but for those that hold row values. */
export function describe(error: DriverError): string {
  if (error.errno === 1062 || error.errno === 1586) {
    const key = /for key '([^']*)'/.exec(error.message)?.[1]
    return `a unique key already has this value${key ? ` (${key})` : ''}`
  }
  const message = error.message
    // `Incorrect integer value: '…' for column`, `XPATH syntax error: '…'`: what is quoted there is of a row.
    .replace(/((?:value|error): )'.*'(?= for |$)/s, "$1'…'")
    .replace(/'(?:[^'\\]|\\.){65,}'/gs, "'…'")
  return error.errno === undefined ? message : `${message} (error ${error.errno})`
}

function readError(cause: unknown): DriverError {
  if (!(cause instanceof Error)) return { message: String(cause) }
  const { errno, code, fatal } = cause as Error & { errno?: unknown; code?: unknown; fatal?: unknown }
  return {
    message: cause.message,
    errno: typeof errno === 'number' && errno > 0 ? errno : undefined,
    code: typeof code === 'string' ? code : undefined,
    fatal: fatal === true,
  }
}
