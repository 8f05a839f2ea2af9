/** The orchestrator's half of the gate board on MySQL and MariaDB. How a change is pushed: see gate-signal.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Side } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import type { BoardState, ClientInfo, GateBoard, Readiness } from '../gate-board.js'
import { GateSignal } from './gate-signal.js'
import { boardNames, isMissing, parseClient, parseState, STATE_COLUMNS } from './gate-sql.js'
import { MysqlClient, type MysqlRow } from './pool-connect.js'

const CONNECT_MS = 5_000
/** No statement of the board takes as long: then the network has lost it. */
const ANSWER_MS = 15_000
/** Behind the push: a client that died silently is only found by looking. Whole seconds, for MySQL. */
const LOOK_AGAIN_S = 1
/** A straggler that does not hold its lock cannot be waited for; then the table is read this often. */
const UNLOCKED_POLL_MS = 10
const FORGET_S = 60

export class MysqlGateBoard implements GateBoard {
  readonly #names
  readonly #signal: GateSignal
  #control: Promise<MysqlClient> | undefined
  /** Waits for stragglers; opened ahead of the hold. */
  #listener: MysqlClient | undefined
  /** Changes follow one another: two at once would guard the same version. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(
    private readonly url: string,
    meta: string,
  ) {
    this.#names = boardNames(meta)
    this.#signal = new GateSignal(url, this.#names)
  }

  async prepare({ side, epoch }: { side: Side; epoch: number }): Promise<void> {
    const { database, gate, clients, signal } = this.#names
    await this.#query(`CREATE DATABASE IF NOT EXISTS ${database}`)
    await this.#query(`CREATE TABLE IF NOT EXISTS ${gate} (
      id int PRIMARY KEY, state varchar(10) NOT NULL, side varchar(10) NOT NULL, epoch bigint NOT NULL,
      next_side varchar(10), hold_id varchar(100), held_until datetime(6), version bigint NOT NULL, guard_session bigint) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`)
    await this.#query(`CREATE TABLE IF NOT EXISTS ${clients} (
      id varchar(36) PRIMARY KEY, name varchar(200) NOT NULL, host varchar(255) NOT NULL, pid int NOT NULL,
      lock_name varchar(64) NOT NULL, seen_at datetime(6) NOT NULL, state varchar(10) NOT NULL, hold_id varchar(100),
      epoch bigint NOT NULL, ready_for varchar(10), last_hold_ms double, in_flight int NOT NULL, oldest_ms int, oldest_sql varchar(200)) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`)
    await this.#query(`CREATE TABLE IF NOT EXISTS ${signal} (id bigint PRIMARY KEY) ENGINE=InnoDB`)
    // A version from the clock: a board that was removed and made again is newer than anything clients have seen.
    await this.#query(
      `INSERT IGNORE INTO ${gate} (id, state, side, epoch, version)
       VALUES (1, 'open', ?, ?, floor(unix_timestamp(utc_timestamp(6)) * 1000))`,
      [side, epoch],
    )
    await this.#change('side = ?, epoch = ?', 'AND epoch < ?', [side, epoch, epoch])
    const [row] = await this.#query(`SELECT version, guard_session FROM ${gate}`)
    const version = Number(row!['version'])
    await this.#signal.takeOver(version, Number(row!['guard_session'] ?? 0), (guard) => this.#noteGuard(guard))
  }

  async announce(to: Side): Promise<void> {
    if (this.#listener === undefined || this.#listener.isDead) this.#listener = await this.#listen()
    await this.#change('next_side = ?', '', [to])
  }

  async hold({ holdId, leaseMs }: { holdId: string; leaseMs: number }): Promise<void> {
    await this.#query(
      `DELETE FROM ${this.#names.clients} WHERE seen_at < utc_timestamp(6) - INTERVAL ${FORGET_S} SECOND`,
    )
    const set = `state = 'held', hold_id = ?, held_until = utc_timestamp(6) + INTERVAL ? MICROSECOND`
    await this.#change(set, '', [holdId, Math.round(leaseMs * 1000)])
  }

  async clientsReady(holdId: string, budgetMs: number): Promise<Readiness> {
    const until = performance.now() + budgetMs
    const listener = this.#listener === undefined || this.#listener.isDead ? await this.#listen() : this.#listener
    this.#listener = undefined
    try {
      for (;;) {
        const live = (await this.clients()).filter((client) => client.isLive)
        const stragglers = live.filter((client) => client.state !== 'held' || client.holdId !== holdId)
        const leftMs = until - performance.now()
        if (stragglers.length === 0 || leftMs <= 0) return { held: live.length - stragglers.length, stragglers }
        await this.#waitFor(listener, stragglers[0]!, leftMs)
      }
    } finally {
      // It may still wait for a straggler's lock; the server frees what it holds.
      listener.destroy()
    }
  }

  async extend(leaseMs: number): Promise<boolean> {
    return this.#change(
      'held_until = utc_timestamp(6) + INTERVAL ? MICROSECOND',
      `AND state = 'held' AND held_until > utc_timestamp(6)`,
      [Math.round(leaseMs * 1000)],
    )
  }

  async release({ side, epoch }: { side: Side; epoch: number }): Promise<void> {
    const set = `state = 'open', next_side = NULL, hold_id = NULL, held_until = NULL, side = ?, epoch = ?`
    if (await this.#change(set, 'AND epoch <= ?', [side, epoch, epoch])) return
    throw new CrossfadeError('LEASE_LOST', `the gate board has a newer epoch than ${epoch}`)
  }

  async read(): Promise<BoardState | undefined> {
    const [row] = await this.#ifThere(`SELECT ${STATE_COLUMNS} FROM ${this.#names.gate}`)
    return row === undefined ? undefined : parseState(row)
  }

  async clients(): Promise<ClientInfo[]> {
    const rows = await this.#ifThere(
      `SELECT c.*, timestampdiff(MICROSECOND, c.seen_at, utc_timestamp(6)) / 1000 AS seen_ms,
         is_used_lock(c.lock_name) IS NOT NULL AS has_session
       FROM ${this.#names.clients} c ORDER BY c.name, c.id`,
    )
    return rows.map(parseClient)
  }

  async remove(): Promise<void> {
    const { gate, clients, signal } = this.#names
    // The tables first: a client that wakes must find that the board is gone. Row locks of the guards do not hinder the
    // first two; the third would wait for them.
    await this.#query(`DROP TABLE IF EXISTS ${gate}, ${clients}`)
    await this.#signal.close()
    await this.#query(`DROP TABLE IF EXISTS ${signal}`)
  }

  async close(): Promise<void> {
    await this.#last.catch(() => undefined)
    await this.#signal.close()
    this.#listener?.destroy()
    const control = this.#control
    this.#control = undefined
    await control?.then((open) => open.close()).catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #listen(): Promise<MysqlClient> {
    const listener = await MysqlClient.connect(this.url, {
      timeoutMs: CONNECT_MS,
      answerMs: ANSWER_MS,
      application: 'crossfade gate board',
    })
    listener.onDeath(() => undefined)
    return listener
  }

  /** Blocks until the straggler gives its lock back: it is held, or its session has ended. */
  async #waitFor(listener: MysqlClient, straggler: ClientInfo, leftMs: number): Promise<void> {
    const lock = this.#names.clientLockPrefix + straggler.id
    const startedAt = performance.now()
    const over = new AbortController()
    const timer = sleep(leftMs, undefined, { signal: over.signal }).catch(() => undefined)
    const freed = listener.query('SELECT get_lock(?, ?) AS got', [lock, LOOK_AGAIN_S]).then(async ({ rows }) => {
      if (Number(rows[0]?.['got']) === 1) await listener.query('DO release_lock(?)', [lock])
    })
    try {
      // After the budget the connection is dropped, and this promise with it.
      freed.catch(() => undefined)
      await Promise.race([freed, timer])
    } finally {
      over.abort()
    }
    if (performance.now() - startedAt < UNLOCKED_POLL_MS) await sleep(Math.min(UNLOCKED_POLL_MS, leftMs))
  }

  /** @returns false when nothing matched. */
  #change(set: string, where: string, values: readonly unknown[]): Promise<boolean> {
    const change = this.#last.catch(() => undefined).then(() => this.#changeNow(set, where, values))
    this.#last = change
    return change
  }

  async #changeNow(set: string, where: string, values: readonly unknown[]): Promise<boolean> {
    const { gate, signal } = this.#names
    const [row] = await this.#query(`SELECT version FROM ${gate}`)
    const version = Number(row!['version'])
    const guard = await this.#signal.guardNext(version + 1)
    const { affected } = await this.#execute(
      `UPDATE ${gate} SET ${set}, version = ?, guard_session = ? WHERE id = 1 AND version = ? ${where}`,
      [...values.slice(0, count(set)), version + 1, guard, version, ...values.slice(count(set))],
    )
    if (affected === 0) {
      await this.#signal.dropNext()
      return false
    }
    await this.#signal.wake()
    await this.#query(`DELETE FROM ${signal} WHERE id < ?`, [version - 100])
    return true
  }

  async #noteGuard(guard: number): Promise<void> {
    await this.#query(`UPDATE ${this.#names.gate} SET guard_session = ?`, [guard])
  }

  async #ifThere(text: string): Promise<MysqlRow[]> {
    try {
      return await this.#query(text)
    } catch (error) {
      if (isMissing(error)) return []
      throw error
    }
  }

  async #query(text: string, values: readonly unknown[] = []): Promise<MysqlRow[]> {
    return (await (await this.#open()).query(text, values)).rows
  }

  async #execute(text: string, values: readonly unknown[]): Promise<{ affected: number }> {
    const { header } = await (await this.#open()).query(text, values)
    return { affected: header?.affectedRows ?? 0 }
  }

  async #open(): Promise<MysqlClient> {
    this.#control ??= MysqlClient.connect(this.url, {
      timeoutMs: CONNECT_MS,
      answerMs: ANSWER_MS,
      application: 'crossfade gate board',
    }).then(
      (client) => {
        client.onDeath(() => {
          this.#control = undefined
        })
        return client
      },
      (error: unknown) => {
        this.#control = undefined
        throw error
      },
    )
    return this.#control
  }
}

/** Placeholders of a SET clause; the values behind them belong to WHERE. */
function count(set: string): number {
  return set.split('?').length - 1
}
