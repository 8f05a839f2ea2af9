/** The client's half of the gate board on PostgreSQL: one connection that listens and beats. */
import pg from 'pg'
import type { GateWire } from '../board-client.js'
import type { BoardState, ClientIdentity, ClientReport } from '../gate-board.js'
import { connectPostgres, destroyPostgres } from './pool-connect.js'
import { boardNames, isDenied, isMissing, parseState, readPush, STATE_COLUMNS, type StateRow } from './gate-sql.js'

const CONNECT_MS = 5_000
/** Several beats: a link that is silent for so long carries no push either. */
const SILENCE_MS = 5_000

export class PostgresGateWire implements GateWire {
  denial: Error | undefined
  #client: pg.Client | undefined
  readonly #names

  constructor(
    private readonly url: string,
    meta: string,
  ) {
    this.#names = boardNames(meta)
  }

  async open(onPush: (state: BoardState | undefined) => void, onLost: (cause: Error) => void): Promise<void> {
    const client = await connectPostgres(this.url, {
      timeoutMs: CONNECT_MS,
      application: 'crossfade pool board',
      silenceMs: SILENCE_MS,
    })
    this.#client = client
    client.on('error', (error) => {
      if (this.#client === client) onLost(error)
    })
    client.on('end', () => {
      if (this.#client === client) onLost(new Error('the connection to the gate board was closed'))
    })
    client.on('notification', ({ payload }) => {
      if (this.#client !== client) return
      if (payload === undefined || payload === '') return onPush(undefined)
      // Every role of the database can notify: what is no state must not end the application's process. The beats see the board.
      const state = readPush(payload)
      if (state !== undefined) onPush(state)
    })
    // Listening first: a change between this and the first beat arrives twice, never not at all.
    await client.query(`LISTEN ${this.#names.gateChannel}`)
  }

  async beat(identity: ClientIdentity, report: ClientReport): Promise<BoardState | undefined> {
    const { gate, clients, clientsChannelText } = this.#names
    try {
      const result = await this.#require().query<StateRow>(
        `WITH beat AS (
           INSERT INTO ${clients} AS c (id, name, host, pid, session, seen_at, state, hold_id, epoch, in_flight, oldest_ms, oldest_sql, ready_for, last_hold_ms)
           VALUES ($1, $2, $3, $4, pg_backend_pid(), clock_timestamp(), $5, $6, $7, $8, $9, $10, $11, $12)
           ON CONFLICT (id) DO UPDATE SET session = excluded.session, seen_at = excluded.seen_at, state = excluded.state,
             hold_id = excluded.hold_id, epoch = excluded.epoch, in_flight = excluded.in_flight,
             oldest_ms = excluded.oldest_ms, oldest_sql = excluded.oldest_sql, ready_for = excluded.ready_for,
             last_hold_ms = excluded.last_hold_ms
           RETURNING CASE WHEN c.state = 'held' THEN pg_notify('${clientsChannelText}', c.id)::text END AS told)
         SELECT ${STATE_COLUMNS}, (SELECT told FROM beat) AS told FROM ${gate}`,
        [
          identity.id,
          identity.name,
          identity.host,
          identity.pid,
          report.state,
          report.holdId ?? null,
          report.epoch,
          report.inFlight,
          report.oldestAgeMs ?? null,
          report.oldestSql ?? null,
          report.readyFor ?? null,
          report.lastHoldMs ?? null,
        ],
      )
      this.denial = undefined
      return result.rows[0] === undefined ? undefined : parseState(result.rows[0])
    } catch (error) {
      // The meta schema may be there, and closed to this role, long before the board is.
      if (isDenied(error)) this.denial = error as Error
      if (isMissing(error) || isDenied(error)) return undefined
      throw error
    }
  }

  async leave(id: string): Promise<void> {
    const { clients, clientsChannelText } = this.#names
    try {
      await this.#require().query(
        `WITH gone AS (DELETE FROM ${clients} WHERE id = $1 RETURNING id)
         SELECT pg_notify('${clientsChannelText}', id) FROM gone`,
        [id],
      )
    } catch (error) {
      if (!isMissing(error) && !isDenied(error)) throw error
    }
  }

  close(): void {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) destroyPostgres(client)
  }

  #require(): pg.Client {
    if (this.#client === undefined) throw new Error('the link to the gate board is closed')
    return this.#client
  }
}
