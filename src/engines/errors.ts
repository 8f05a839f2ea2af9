/** The error catalogue. Codes are words, never reused. */
export interface ErrorInfo {
  /** `retryable`: try again; `fatal`: needs the operator; `ambiguous`: look at the server before anything else. */
  readonly outcome: 'retryable' | 'fatal' | 'ambiguous'
  /** What to do next. */
  readonly hint: string
}

export const ERRORS = {
  /** The server cannot be reached, or refused the login. */
  CONNECT_FAILED: {
    outcome: 'fatal',
    hint: 'Check host, port, user, password and database of the URL; the server must accept this user.',
  },
  /** A connection broke while in use. */
  CONNECTION_LOST: {
    outcome: 'ambiguous',
    hint: 'Run the same command again; it looks at the server first and continues.',
  },
  /** A URL is not one that Crossfade knows. */
  URL_INVALID: {
    outcome: 'fatal',
    hint: 'Use postgres://user:password@host:port/database?schema=name or mysql://user:password@host:port/database; files that it names must be readable.',
  },
  /** Deadlock, serialization failure or lock time-out: nothing was changed. */
  CONTENTION: { outcome: 'retryable', hint: 'Nothing was changed; it is tried again by itself.' },
  /** A unique key of the destination already has this value. */
  UNIQUE_VIOLATION: {
    outcome: 'retryable',
    hint: 'The batch is enlarged and tried again; if it persists the plan maps two rows to one key.',
  },
  /** A table stayed locked by somebody else. */
  TABLE_BUSY: { outcome: 'fatal', hint: 'End the sessions named above or wait for them, then run the command again.' },
  /** A newer orchestrator has taken this migration. */
  LEASE_LOST: { outcome: 'fatal', hint: 'Another run holds the migration; look at `crossfade status`.' },
  /** Another orchestrator holds the lease. */
  LEASE_HELD: { outcome: 'fatal', hint: 'Wait for the other run to end or to lose its lease, or use its terminal.' },
  /** The side is fenced: the application wrote to the wrong side. */
  SIDE_CLOSED: { outcome: 'retryable', hint: 'Reconnect to the side that has the authority.' },
  /** A permission is missing. */
  PERMISSION_DENIED: { outcome: 'fatal', hint: 'Grant the permission named above; docs/permissions.md has the roles.' },
  /** A server takes no writes: a replica, or one that was told so. */
  READ_ONLY: { outcome: 'fatal', hint: 'Connect to the primary, or let this server be written again.' },
  /** The plan file has problems. */
  PLAN_INVALID: { outcome: 'fatal', hint: 'Mend the places named above and run `crossfade check` again.' },
  /** `check` or a gate refused. */
  REFUSED: { outcome: 'fatal', hint: 'Each reason above says what to do.' },
  /** Both sides differ. */
  VERIFICATION_FAILED: {
    outcome: 'fatal',
    hint: 'See the differences above; `crossfade verify` looks again after the cause is gone.',
  },
  /** The switch did not get the fence within its budget and attempts. */
  SWITCH_MISSED: {
    outcome: 'retryable',
    hint: 'The old side is open again. End the sessions named above, then run `crossfade cutover` again.',
  },
  /** A key lies outside its band. */
  KEY_OUT_OF_BAND: {
    outcome: 'fatal',
    hint: 'Raise `base` and `birthLine` of the plan so that the band holds all keys.',
  },
  /** The journal was written by a newer Crossfade or is not one. */
  JOURNAL_INVALID: { outcome: 'fatal', hint: 'Use the version of Crossfade that wrote it, or another --journal.' },
  /** A backup could not be proven. */
  BACKUP_UNPROVEN: { outcome: 'fatal', hint: 'Nothing was changed. Look at the reason above, then run again.' },
  /** A command is not possible in this phase. */
  WRONG_PHASE: {
    outcome: 'fatal',
    hint: '`crossfade status` shows the phase and the commands that are possible in it.',
  },
  /** The journal knows no migration of this plan. */
  NO_MIGRATION: {
    outcome: 'fatal',
    hint: '`crossfade run` begins one. One that goes on elsewhere is found by its --journal and --meta.',
  },
  /** The server refused a statement for another reason. */
  STATEMENT_FAILED: { outcome: 'fatal', hint: 'The cause is the server’s own message.' },
} as const satisfies Record<string, ErrorInfo>

export type ErrorCode = keyof typeof ERRORS

/** Every error that Crossfade raises on purpose. Messages carry names and numbers, never row values or passwords. */
export class CrossfadeError extends Error {
  override readonly name = 'CrossfadeError'
  readonly code: ErrorCode
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
  get hint(): string {
    return ERRORS[this.code].hint
  }
  get outcome(): ErrorInfo['outcome'] {
    return ERRORS[this.code].outcome
  }
}
