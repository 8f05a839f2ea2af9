/** The orchestrator's half of the gate board on PostgreSQL. Pushes by NOTIFY and hears acknowledgements by LISTEN. */
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Side } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import type { BoardState, ClientInfo, GateBoard, Readiness } from '../gate-board.js'
import { connectPostgres, destroyPostgres, endPostgres } from './pool-connect.js'
import {
  boardNames,
  isMissing,
  parseClient,
  parseState,
  STATE_COLUMNS,
  type ClientRow,
  type StateRow,
} from './gate-sql.js'

const CONNECT_MS = 5_000
/** No statement of the board takes as long; an idle connection goes as well, and is opened again. */
const SILENCE_MS = 15_000
/** Behind the push: a client that died silently is only found by looking. */
const LOOK_AGAIN_MS = 250
/** Rows of clients that were not seen for this long are removed at a hold. */
const FORGET_S = 60

export class PostgresGateBoard implements GateBoard {
  readonly #names
  #client: Promise<pg.Client> | undefined
  #wake: () => void = () => undefined

  constructor(
    private readonly url: string,
    meta: string,
  ) {
    this.#names = boardNames(meta)
  }

  async prepare({ side, epoch }: { side: Side; epoch: number }): Promise<void> {
    const { schema, gate, clients } = this.#names
    await this.#query('BEGIN')
    try {
      // CREATE ... IF NOT EXISTS of two sessions at once fails on the catalogue's unique index.
      await this.#query(`SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`crossfade board ${schema}`])
      // Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create also where it creates nothing.
      const found = await this.#query('SELECT 1 WHERE to_regnamespace($1) IS NOT NULL', [schema])
      if (found.length === 0) await this.#query(`CREATE SCHEMA ${schema}`)
      await this.#query(`CREATE TABLE IF NOT EXISTS ${gate} (
        id int PRIMARY KEY CHECK (id = 1), state text NOT NULL, side text NOT NULL, epoch bigint NOT NULL,
        next_side text, hold_id text, held_until timestamptz, version bigint NOT NULL)`)
      await this.#query(`CREATE TABLE IF NOT EXISTS ${clients} (
        id text PRIMARY KEY, name text NOT NULL, host text NOT NULL, pid int NOT NULL, session int NOT NULL,
        seen_at timestamptz NOT NULL, state text NOT NULL, hold_id text, epoch bigint NOT NULL,
        ready_for text, last_hold_ms float8, in_flight int NOT NULL, oldest_ms int, oldest_sql text)`)
      await this.#query(`GRANT USAGE ON SCHEMA ${schema} TO PUBLIC`)
      await this.#query(`GRANT SELECT ON ${gate} TO PUBLIC`)
      await this.#query(`GRANT SELECT, INSERT, UPDATE, DELETE ON ${clients} TO PUBLIC`)
      await this.#query(
        // A version from the clock: a board that was removed and made again is newer than anything clients have seen.
        `INSERT INTO ${gate} AS g (id, state, side, epoch, version)
         VALUES (1, 'open', $1, $2, (extract(epoch FROM clock_timestamp()) * 1000)::bigint)
         ON CONFLICT (id) DO UPDATE SET side = excluded.side, epoch = excluded.epoch, version = g.version + 1
           WHERE g.epoch < excluded.epoch`,
        [side, epoch],
      )
      await this.#push()
      await this.#query('COMMIT')
    } catch (error) {
      await this.#query('ROLLBACK').catch(() => undefined)
      throw error
    }
  }

  async announce(to: Side): Promise<void> {
    await this.#change('next_side = $1', '', [to])
  }

  async hold({ holdId, leaseMs }: { holdId: string; leaseMs: number }): Promise<void> {
    await this.#query(`DELETE FROM ${this.#names.clients} WHERE seen_at < clock_timestamp() - interval '${FORGET_S} s'`)
    await this.#change(`state = 'held', hold_id = $1, held_until = clock_timestamp() + $2 * interval '1 ms'`, '', [
      holdId,
      leaseMs,
    ])
  }

  async clientsReady(holdId: string, budgetMs: number): Promise<Readiness> {
    const until = performance.now() + budgetMs
    await this.#query(`LISTEN ${this.#names.clientsChannel}`)
    try {
      for (;;) {
        const told = new Promise<void>((resolve) => {
          this.#wake = resolve
        })
        const live = (await this.clients()).filter((client) => client.isLive)
        const stragglers = live.filter((client) => client.state !== 'held' || client.holdId !== holdId)
        const leftMs = until - performance.now()
        if (stragglers.length === 0 || leftMs <= 0) return { held: live.length - stragglers.length, stragglers }
        const timer = new AbortController()
        await Promise.race([
          told,
          sleep(Math.min(leftMs, LOOK_AGAIN_MS), undefined, { signal: timer.signal }).catch(() => undefined),
        ])
        timer.abort()
      }
    } finally {
      await this.#query(`UNLISTEN ${this.#names.clientsChannel}`).catch(() => undefined)
    }
  }

  async extend(leaseMs: number): Promise<boolean> {
    return this.#change(
      `held_until = clock_timestamp() + $1 * interval '1 ms'`,
      `AND state = 'held' AND held_until > clock_timestamp()`,
      [leaseMs],
    )
  }

  async release({ side, epoch }: { side: Side; epoch: number }): Promise<void> {
    const set = `state = 'open', next_side = NULL, hold_id = NULL, held_until = NULL, side = $1, epoch = $2`
    if (await this.#change(set, 'AND epoch <= $2', [side, epoch])) return
    throw new CrossfadeError('LEASE_LOST', `the gate board has a newer epoch than ${epoch}`)
  }

  async read(): Promise<BoardState | undefined> {
    const [row] = await this.#ifThere<StateRow>(`SELECT ${STATE_COLUMNS} FROM ${this.#names.gate}`)
    return row === undefined ? undefined : parseState(row)
  }

  async clients(): Promise<ClientInfo[]> {
    const rows = await this.#ifThere<ClientRow>(
      `SELECT c.*, (extract(epoch FROM clock_timestamp() - c.seen_at) * 1000)::float8 AS seen_ms,
         EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = c.session) AS has_session
       FROM ${this.#names.clients} c ORDER BY c.name, c.id`,
    )
    return rows.map(parseClient)
  }

  async remove(): Promise<void> {
    const { gate, clients, gateChannelText } = this.#names
    await this.#query(`DROP TABLE IF EXISTS ${gate}, ${clients}`)
    await this.#query(`SELECT pg_notify('${gateChannelText}', '')`)
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    await client?.then(endPostgres).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Changes the row and pushes what it says then, in one transaction of one statement. @returns false when nothing matched. */
  async #change(set: string, where: string, values: readonly unknown[]): Promise<boolean> {
    const rows = await this.#query(
      `WITH changed AS (UPDATE ${this.#names.gate} SET ${set}, version = version + 1 WHERE id = 1 ${where} RETURNING ${STATE_COLUMNS})
       SELECT pg_notify('${this.#names.gateChannelText}', row_to_json(changed)::text) FROM changed`,
      values,
    )
    return rows.length > 0
  }

  async #push(): Promise<void> {
    const { gate, gateChannelText } = this.#names
    await this.#query(
      `SELECT pg_notify('${gateChannelText}', row_to_json(s)::text) FROM (SELECT ${STATE_COLUMNS} FROM ${gate}) s`,
    )
  }

  async #ifThere<R extends pg.QueryResultRow>(text: string): Promise<R[]> {
    try {
      return await this.#query<R>(text)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async #query<R extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    this.#client ??= this.#connect()
    return (await (await this.#client).query<R>(text, [...values])).rows
  }

  async #connect(): Promise<pg.Client> {
    const forget = () => {
      this.#client = undefined
      this.#wake()
    }
    try {
      const client = await connectPostgres(this.url, {
        timeoutMs: CONNECT_MS,
        application: 'crossfade gate board',
        silenceMs: SILENCE_MS,
      })
      client.on('error', () => {
        forget()
        destroyPostgres(client)
      })
      client.on('notification', () => this.#wake())
      return client
    } catch (error) {
      forget()
      throw error
    }
  }
}
