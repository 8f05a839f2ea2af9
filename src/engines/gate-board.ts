/**
 * The gate board: how the orchestrator holds the connection pools of all applications and lets them go on. It lives in the
 * meta namespace of the journal's server: one row `gate` (state, side, epoch, lease) and a row per pool in `clients`.
 * The board never decides who may write: the fence does. It makes that no client runs into the fence.
 */
import type { Side } from './engine.js'
import { engineOf } from './pool-driver.js'

/** What the gate row says. A hold whose lease has run out reads as `open` on the side that the row names. */
export interface BoardState {
  readonly state: 'open' | 'held'
  readonly side: Side
  readonly epoch: number
  /** A switch to this side is about to begin: connections to it are opened ahead, so that nobody waits for them behind the hold. */
  readonly next: Side | undefined
  /** The hold in force. */
  readonly holdId: string | undefined
  /** What is left of the lease by the server's clock when this was read. */
  readonly leaseMs: number | undefined
  /** Grows by one with each change of the row: of two states the one with the higher version is true. */
  readonly version: number
}

export type ClientState = 'open' | 'draining' | 'held'

/** What a pool tells about itself with each beat. */
export interface ClientReport {
  readonly state: ClientState
  /** The hold that was acknowledged, while `held`. */
  readonly holdId: string | undefined
  readonly epoch: number
  /** The announced side, once connections to it are open. */
  readonly readyFor: Side | undefined
  /** How long its gate was closed the last time it was. */
  readonly lastHoldMs: number | undefined
  readonly inFlight: number
  readonly oldestAgeMs: number | undefined
  /** First words of the oldest transaction's last statement. Never values. */
  readonly oldestSql: string | undefined
}

export interface ClientIdentity {
  readonly id: string
  readonly name: string
  readonly host: string
  readonly pid: number
}

export interface ClientInfo extends ClientIdentity, ClientReport {
  readonly seenAgoMs: number
  /** False when it was not seen for {@link CLIENT_GONE_MS}, or its session ended and it did not come back. */
  readonly isLive: boolean
}

export interface Readiness {
  /** Live clients that acknowledged this hold. */
  readonly held: number
  /** Live clients that did not. */
  readonly stragglers: ClientInfo[]
}

/** Five beats: a client that is busy for a moment is not given up. */
export const CLIENT_GONE_MS = 5_000
/** A client whose session ended comes back within this, or is gone: a reconnect takes a beat at most. */
export const CLIENT_RECONNECT_MS = 1_500
export const BEAT_MS = 1_000

/** The orchestrator's half. Order of calls: `prepare`, then `hold`, `clientsReady`, `extend` and `release` as often as needed. */
export interface GateBoard extends AsyncDisposable {
  /**
   * Makes the board (open, with this side and epoch) and tells running pools that it is there. A board that exists keeps
   * its state; only an older epoch is raised. Each new orchestrator calls it, also on resume. Repeating it changes nothing.
   */
  prepare(initial: { side: Side; epoch: number }): Promise<void>
  /** Tells clients that a switch to this side is about to begin. Each `release` takes it back. */
  announce(to: Side): Promise<void>
  /** Starts a hold and pushes it. A hold of another id is replaced. */
  hold(options: { holdId: string; leaseMs: number }): Promise<void>
  /** Waits until every live client has acknowledged the hold, or the budget is over. */
  clientsReady(holdId: string, budgetMs: number): Promise<Readiness>
  /** @returns false when there is no hold, or its lease has run out: clients may have reopened. Then it changes nothing. */
  extend(leaseMs: number): Promise<boolean>
  /**
   * Opens the gate on `side` and pushes it. Repeating it changes nothing.
   * @throws {CrossfadeError} LEASE_LOST when the board already has a newer epoch.
   */
  release(to: { side: Side; epoch: number }): Promise<void>
  read(): Promise<BoardState | undefined>
  clients(): Promise<ClientInfo[]>
  /** Removes both tables; clients stay on the side where they are. Repeating it is harmless. */
  remove(): Promise<void>
  close(): Promise<void>
}

/** A pool's half. Order of calls: `watch`, `register`, then `acknowledge` after each change, at the end `unregister`. */
export interface GateClient {
  /**
   * Reads the board for the first time and starts the beats. Call `watch` before: a push may overtake the answer.
   * @returns undefined when there is no board; it is looked for with each beat. @throws when unreachable; may be repeated.
   */
  register(identity: ClientIdentity, report: () => ClientReport): Promise<BoardState | undefined>
  /** Called with each newer state, as soon as it is pushed, and with undefined when the board is removed. */
  watch(onState: (state: BoardState | undefined) => void): void
  /** Tells of a lost link (each attempt) so that the pool can report it; the client reconnects by itself. */
  onTrouble(listener: (cause: Error) => void): void
  /** Writes the client's row at once, and wakes the orchestrator when it says `held`. Never throws: the next beat repeats it. */
  acknowledge(): Promise<void>
  /** Reads the row again; the answer also goes to `watch`. @throws when unreachable. */
  read(): Promise<BoardState | undefined>
  /** Removes the client's row and closes all connections. Safe to repeat; bounded. */
  unregister(): Promise<void>
}

export interface BoardOptions {
  /** Namespace of the board. Default `crossfade`. */
  readonly meta?: string
}

export interface BoardClientOptions extends BoardOptions {
  /** Between two beats, which are also the fallback for a push that was lost. Default {@link BEAT_MS}. */
  readonly beatMs?: number
}

export async function openGateBoard(url: string, options: BoardOptions = {}): Promise<GateBoard> {
  const meta = options.meta ?? 'crossfade'
  return engineOf(url) === 'postgres'
    ? new (await import('./postgres/gate-board.js')).PostgresGateBoard(url, meta)
    : new (await import('./mysql/gate-board.js')).MysqlGateBoard(url, meta)
}

export async function openGateClient(url: string, options: BoardClientOptions = {}): Promise<GateClient> {
  const meta = options.meta ?? 'crossfade'
  const { BoardClient } = await import('./board-client.js')
  const wire =
    engineOf(url) === 'postgres'
      ? new (await import('./postgres/gate-wire.js')).PostgresGateWire(url, meta)
      : new (await import('./mysql/gate-wire.js')).MysqlGateWire(url, meta)
  return new BoardClient(wire, options.beatMs ?? BEAT_MS)
}
