/**
 * How a change of the board is pushed without NOTIFY. Each version of the board has a row in `gate_signal`, and the
 * orchestrator keeps the row of the current version locked; clients wait for it with a shared lock. For a change, a second
 * session locks the next version's row first, then the gate's row is changed, then the first session commits: InnoDB grants
 * all waiting shared locks at once. The locking transactions write nothing and hold no snapshot, so they do not hold back purge.
 */
import { isLockTimeout, type boardNames } from './gate-sql.js'
import { errnoOf, MysqlClient } from './pool-connect.js'

const CONNECT_MS = 5_000
/** A guard waits for a lock a second at most. */
const ANSWER_MS = 5_000
/** ER_NO_SUCH_THREAD: it ended by itself meanwhile. */
const NO_SUCH_SESSION = 1094

export class GateSignal {
  /** Guards the current version. */
  #current: MysqlClient | undefined
  /** Guards the next version while a change is made; then rests until the change after it. */
  #next: MysqlClient | undefined

  constructor(
    private readonly url: string,
    private readonly names: ReturnType<typeof boardNames>,
  ) {}

  /**
   * Guards the version of a board that an earlier orchestrator may have left, even one that hangs: its guard is ended,
   * or clients would go on waiting for it. `note` is told the new guard's connection id.
   */
  async takeOver(version: number, formerGuard: number, note: (guard: number) => Promise<void>): Promise<void> {
    if (this.#isAlive(this.#current)) return
    const guard = await this.#connect()
    try {
      await this.#guard(guard, version)
    } catch (error) {
      if (!isLockTimeout(error)) throw error
      // Whoever holds the row after a second is no client: clients let go at once.
      await guard.query(`KILL ${formerGuard}`).catch((cause: unknown) => {
        if (errnoOf(cause) !== NO_SUCH_SESSION) throw cause
      })
      await this.#guard(guard, version)
    }
    this.#current = guard
    await note(guard.id)
  }

  /** Locks the row of the version that comes. @returns the guard's connection id. */
  async guardNext(version: number): Promise<number> {
    if (!this.#isAlive(this.#next)) this.#next = await this.#connect()
    const guard = this.#next!
    await guard.query('ROLLBACK')
    await this.#guard(guard, version)
    return guard.id
  }

  /** The change did not happen. */
  async dropNext(): Promise<void> {
    await this.#next?.query('ROLLBACK').catch(() => undefined)
  }

  /** Wakes all who wait for the version that was. Call after the change is committed. */
  async wake(): Promise<void> {
    const former = this.#current
    this.#current = this.#next
    this.#next = former
    // A guard that died has woken them already.
    await former?.query('COMMIT').catch(() => undefined)
  }

  async close(): Promise<void> {
    const guards = [this.#current, this.#next]
    this.#current = undefined
    this.#next = undefined
    await Promise.all(guards.map(async (guard) => guard?.close().catch(() => undefined)))
  }

  /** Both wait for a guard that another orchestrator left: INSERT IGNORE locks the row that it finds. */
  async #guard(guard: MysqlClient, version: number): Promise<void> {
    await guard.query(`INSERT IGNORE INTO ${this.names.signal} (id) VALUES (?)`, [version])
    await guard.query('START TRANSACTION')
    await guard.query(`SELECT id FROM ${this.names.signal} WHERE id = ? FOR UPDATE`, [version])
  }

  #isAlive(guard: MysqlClient | undefined): boolean {
    return guard !== undefined && !guard.isDead
  }

  async #connect(): Promise<MysqlClient> {
    const guard = await MysqlClient.connect(this.url, {
      timeoutMs: CONNECT_MS,
      answerMs: ANSWER_MS,
      application: 'crossfade gate signal',
    })
    guard.onDeath(() => undefined)
    await guard.query('SET SESSION wait_timeout = 31536000, innodb_lock_wait_timeout = 1')
    await guard.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED')
    return guard
  }
}
