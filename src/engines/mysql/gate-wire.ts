/**
 * The client's half of the gate board on MySQL and MariaDB, which have no NOTIFY. One connection beats; another one blocks
 * on the row of `gate_signal` that carries the board's version, which the orchestrator keeps locked: when it commits, every
 * waiting client gets its shared lock at the same moment. The beating connection holds a user-level lock until the client
 * is held, so that the orchestrator can block on it in turn.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { GateWire } from '../board-client.js'
import type { BoardState, ClientIdentity, ClientReport } from '../gate-board.js'
import { MysqlClient } from './pool-connect.js'
import { boardNames, isDenied, isLockTimeout, isMissing, parseState, STATE_COLUMNS } from './gate-sql.js'

const CONNECT_MS = 5_000
/** Several beats: a link that is silent for so long carries no push either. */
const SILENCE_MS = 5_000
/** When the signal's row is not locked, the orchestrator is gone; then the board is polled. */
const ORPHAN_POLL_MS = 250
/** A wait ends after this at the latest, so that a socket that died silently is noticed. */
const WAIT_S = 30

export class MysqlGateWire implements GateWire {
  denial: Error | undefined
  #control: MysqlClient | undefined
  #waiter: MysqlClient | undefined
  #isWaiting = false
  #hasLock = false
  #onPush: (state: BoardState | undefined) => void = () => undefined
  #onLost: (cause: Error) => void = () => undefined
  readonly #names

  constructor(
    private readonly url: string,
    meta: string,
  ) {
    this.#names = boardNames(meta)
  }

  async open(onPush: (state: BoardState | undefined) => void, onLost: (cause: Error) => void): Promise<void> {
    this.#onPush = onPush
    this.#onLost = onLost
    this.#hasLock = false
    this.#isWaiting = false
    this.#control = await this.#connect('crossfade pool board', { silenceMs: SILENCE_MS })
    this.#waiter = await this.#connect('crossfade pool gate')
    await this.#waiter.query(`SET SESSION innodb_lock_wait_timeout = ${WAIT_S}, wait_timeout = 31536000`)
    await this.#waiter.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
  }

  async beat(identity: ClientIdentity, report: ClientReport): Promise<BoardState | undefined> {
    const { gate, clients } = this.#names
    const control = this.#require()
    const lock = this.#names.clientLockPrefix + identity.id
    try {
      if (report.state !== 'held' && !this.#hasLock) {
        const { rows } = await control.query('SELECT get_lock(?, 1) AS got', [lock])
        this.#hasLock = Number(rows[0]?.['got']) === 1
      }
      const gives = report.state === 'held' && this.#hasLock
      const { rows } = await control.query(
        `INSERT INTO ${clients} (id, name, host, pid, lock_name, seen_at, state, hold_id, epoch, in_flight, oldest_ms, oldest_sql, ready_for, last_hold_ms)
         VALUES (?, ?, ?, ?, ?, utc_timestamp(6), ?, ?, ?, ?, ?, ?, ?, ?)
         ON DUPLICATE KEY UPDATE seen_at = VALUES(seen_at), state = VALUES(state), hold_id = VALUES(hold_id), epoch = VALUES(epoch),
           in_flight = VALUES(in_flight), oldest_ms = VALUES(oldest_ms), oldest_sql = VALUES(oldest_sql), ready_for = VALUES(ready_for),
           last_hold_ms = VALUES(last_hold_ms);
         ${gives ? 'DO release_lock(?);' : ''}
         SELECT ${STATE_COLUMNS} FROM ${gate}`,
        [
          identity.id,
          identity.name,
          identity.host,
          identity.pid,
          lock,
          report.state,
          report.holdId ?? null,
          report.epoch,
          report.inFlight,
          report.oldestAgeMs ?? null,
          report.oldestSql ?? null,
          report.readyFor ?? null,
          report.lastHoldMs ?? null,
          ...(gives ? [lock] : []),
        ],
      )
      if (gives) this.#hasLock = false
      this.denial = undefined
      const state = rows[0] === undefined ? undefined : parseState(rows[0])
      if (state !== undefined) this.#startWaiting()
      return state
    } catch (error) {
      if (isDenied(error)) this.denial = error as Error
      if (isMissing(error) || isDenied(error)) return undefined
      throw error
    }
  }

  async leave(id: string): Promise<void> {
    try {
      await this.#require().query(`DELETE FROM ${this.#names.clients} WHERE id = ?`, [id])
    } catch (error) {
      if (!isMissing(error) && !isDenied(error)) throw error
    }
  }

  close(): void {
    const [control, waiter] = [this.#control, this.#waiter]
    this.#control = undefined
    this.#waiter = undefined
    control?.destroy()
    waiter?.destroy()
    // A session that waits for a row lock does not notice that its socket is gone; left alone it would stay for WAIT_S.
    if (waiter !== undefined && this.#isWaiting) void this.#kill(waiter.id)
  }

  #startWaiting(): void {
    const waiter = this.#waiter
    if (waiter === undefined || this.#isWaiting) return
    this.#isWaiting = true
    this.#wait(waiter)
      .catch((error: unknown) => {
        if (this.#waiter === waiter) this.#onLost(error instanceof Error ? error : new Error(String(error)))
      })
      .finally(() => {
        if (this.#waiter === waiter) this.#isWaiting = false
      })
  }

  /** Ends when there is no board any more; the beats find the next one. */
  async #wait(waiter: MysqlClient): Promise<void> {
    const { gate, signal } = this.#names
    let known = -1
    try {
      while (this.#waiter === waiter) {
        const { rows } = await waiter.query(`SELECT ${STATE_COLUMNS} FROM ${gate}`)
        if (rows[0] === undefined) return
        const state = parseState(rows[0])
        if (state.version !== known) this.#onPush(state)
        else await sleep(ORPHAN_POLL_MS, undefined, { ref: false })
        known = state.version
        try {
          // A row that is missing or free does not block: its version is over, or nobody guards it.
          await waiter.query(`SELECT id FROM ${signal} WHERE id = ? LOCK IN SHARE MODE`, [known])
        } catch (error) {
          if (!isLockTimeout(error)) throw error
          known = -1
        }
      }
    } catch (error) {
      if (!isMissing(error) || this.#waiter !== waiter) throw error
      this.#onPush(undefined)
    }
  }

  async #kill(id: number): Promise<void> {
    const client = await this.#connect('crossfade pool cancel', { isShort: true }).catch(() => undefined)
    await client?.query(`KILL ${id}`).catch(() => undefined)
    await client?.close()
  }

  async #connect(
    application: string,
    { isShort = false, silenceMs }: { isShort?: boolean; silenceMs?: number } = {},
  ): Promise<MysqlClient> {
    const client = await MysqlClient.connect(this.url, { timeoutMs: CONNECT_MS, application, isMulti: true, silenceMs })
    if (!isShort) {
      client.onDeath((cause) => {
        if (this.#control === client || this.#waiter === client) this.#onLost(cause)
      })
    }
    return client
  }

  #require(): MysqlClient {
    if (this.#control === undefined) throw new Error('the link to the gate board is closed')
    return this.#control
  }
}
