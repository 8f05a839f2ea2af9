/** Keeps the gate as the gate board says: applies what is pushed, acknowledges, and watches the lease of a hold. */
import { randomUUID } from 'node:crypto'
import type { Side } from '../engines/engine.js'
import type { BoardState, ClientReport, GateClient } from '../engines/gate-board.js'
import type { Authority, Gate } from './gate.js'

/** Between two attempts to read the board after the lease of a hold has run out. */
const LEASE_RETRY_MS = 250
const START_RETRY_MS = 250

export interface BoardLinkOptions {
  readonly name: string
  readonly host: string
  /** In flight and oldest transaction, for the operator. */
  readonly describe: () => Pick<ClientReport, 'readyFor' | 'lastHoldMs' | 'inFlight' | 'oldestAgeMs' | 'oldestSql'>
  /** A switch to this side is about to begin, or none. Called with each state, before the gate learns it. */
  readonly onNext: (side: Side | undefined) => void
  readonly onTrouble: (cause: Error) => void
}

export class BoardLink {
  #isStopped = false
  #isLinked = false
  #leaseTimer: NodeJS.Timeout | undefined
  #wake: (() => void) | undefined

  constructor(
    private readonly client: GateClient,
    private readonly gate: Gate,
    private readonly options: BoardLinkOptions,
  ) {
    client.watch((state) => this.#apply(state))
    client.onTrouble((cause) => {
      this.#isLinked = false
      options.onTrouble(cause)
    })
  }

  get isLinked(): boolean {
    return this.#isLinked
  }

  /** Resolves when the board was read for the first time, or {@link stop} was called. Until then nothing may be lent. */
  async start(): Promise<void> {
    const identity = { id: randomUUID(), name: this.options.name, host: this.options.host, pid: process.pid }
    while (!this.#isStopped) {
      try {
        this.#apply(await this.client.register(identity, () => this.#report()))
        return
      } catch (error) {
        if (this.#isStopped) return
        this.options.onTrouble(error instanceof Error ? error : new Error(String(error)))
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          setTimeout(resolve, START_RETRY_MS).unref()
        })
      }
    }
  }

  /** Call after each change of the gate. */
  acknowledge(): void {
    void this.client.acknowledge()
  }

  /** Looks at the board now. The gate has the answer when this resolves; without one it stays as it is. */
  async refresh(): Promise<boolean> {
    try {
      await this.client.read()
      return true
    } catch {
      return false
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#leaseTimer)
    this.#wake?.()
    await this.client.unregister()
  }

  #apply(state: BoardState | undefined): void {
    if (this.#isStopped) return
    this.#isLinked = true
    clearTimeout(this.#leaseTimer)
    this.options.onNext(state?.next)
    if (state === undefined) {
      // No migration, or none any more: stay where we are.
      this.gate.open(this.gate.authority)
    } else if (state.state === 'held') {
      this.gate.hold(state.holdId)
      this.#watchLease(state.leaseMs ?? 0)
    } else {
      this.gate.open({ side: state.side, epoch: state.epoch } satisfies Authority)
    }
  }

  /** When the orchestrator is gone, nobody pushes. Only the server's clock says whether the lease has run out. */
  #watchLease(leaseMs: number): void {
    this.#leaseTimer = setTimeout(() => {
      this.refresh()
        .then((isRead) => {
          if (!isRead && !this.#isStopped) this.#watchLease(LEASE_RETRY_MS)
        })
        .catch(() => undefined)
    }, leaseMs + 1)
    this.#leaseTimer.unref()
  }

  #report(): ClientReport {
    const { state, holdId, authority } = this.gate
    return { state, holdId: state === 'held' ? holdId : undefined, epoch: authority.epoch, ...this.options.describe() }
  }
}
