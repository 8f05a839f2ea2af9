/** Where connections are asked for: matches those who wait with connections, as far as the gate lets them. */
import type { Side } from '../engines/engine.js'
import { Deadlines } from './deadlines.js'
import { HoldTimeoutError, HostUnreachableError, PoolError, type Borrower } from './errors.js'
import type { Authority, Gate, GateState } from './gate.js'
import { oldestOf, type Cluster } from './cluster.js'
import type { Lane, Target } from './lane.js'
import type { Slot } from './slot.js'
import type { ResolvedOptions } from './options.js'
import { Request, WaitQueue, type RequestOptions, type Selection } from './queue.js'
import type { Statistics } from './stats.js'
import { exhausted, waitOver, type Shortage } from './wait-over.js'

/** A lent connection. Who has it has passed the gate. */
export interface Grant {
  readonly slot: Slot
  readonly authority: Authority
}

export class Desk {
  readonly #queue = new WaitQueue<Grant>()
  /** Leases that want to go on: they have a connection and must not wait behind those who want one. */
  readonly #leases = new WaitQueue<Authority>()
  readonly #deadlines = new Deadlines(this.#queue, (request) => this.#late(request, this.#queue))
  readonly #leaseDeadlines = new Deadlines(this.#leases, (request) => this.#late(request, this.#leases))
  #isOpen = false
  #failure: unknown
  #onDrained: (() => void) | undefined
  #wasClosed = false
  /** Why the gate board could not be read, while it never was. */
  journalTrouble: unknown
  /** Told of each connection that is lent, before its borrower. */
  onLent: ((slot: Slot, origin: Error | undefined) => void) | undefined

  constructor(
    private readonly options: ResolvedOptions,
    private readonly gate: Gate,
    private readonly clusters: Readonly<Partial<Record<Side, Cluster>>>,
    private readonly statistics: Statistics,
  ) {}

  get waiting(): number {
    return this.#queue.size + this.#leases.size
  }

  /** Who waits for a connection to this host; one of several replicas is waited for in one line. */
  waitingFor(lane: Lane): number {
    const cluster = this.clusters[this.gate.authority.side]
    if (cluster?.side !== lane.side) return 0
    if (cluster.replicas.length === 0) return this.#queue.size
    return this.#queue.count({ target: lane.role })
  }

  get oldestBorrower(): Borrower | undefined {
    return oldestOf(Object.values(this.clusters))
  }

  /** Call once, when the side is known. */
  open(): void {
    this.#isOpen = true
    // Until now nobody knew whether the gate was open.
    this.#rearm()
    this.pump()
  }

  /** Refuses all who wait and all who come. */
  fail(reason: unknown): void {
    this.#failure ??= reason
    for (const request of this.#queue.drain()) this.#refuse(request, this.#failure)
    for (const request of this.#leases.drain()) this.#refuse(request, this.#failure)
    for (const deadlines of [this.#deadlines, this.#leaseDeadlines]) deadlines.stop()
  }

  request(options: RequestOptions): Request<Grant> {
    const request = new Request<Grant>(options)
    if (this.#refuseAtOnce(request)) return request
    this.#queue.add(request)
    this.pump()
    if (request.isSettled) return request
    const { queueLimit } = this.options
    if (queueLimit > 0 && options.rank === 'fresh' && this.gate.state === 'open' && this.#queue.size > queueLimit) {
      this.#queue.remove(request)
      this.#refuse(request, exhausted(`the queue is full (${queueLimit})`, this.#shortage(this.#queue.size + 1)))
      return request
    }
    this.#await(request, this.#queue, this.#deadlines)
    return request
  }

  /** Passes the gate without a connection. The caller leaves it. */
  enter(isNested: boolean, signal: AbortSignal | undefined): Promise<Authority> {
    const request = new Request<Authority>({ rank: isNested ? 'nested' : 'fresh', target: 'primary', signal })
    if (this.#refuseAtOnce(request)) return request.promise
    if (this.gate.admits(isNested)) {
      request.grant(this.gate.enter())
    } else {
      this.#leases.add(request)
      this.#await(request, this.#leases, this.#leaseDeadlines)
    }
    return request.promise
  }

  /** Lends what can be lent, and sees to connections for the others. */
  pump(): void {
    if (!this.#isOpen || this.gate.state === 'held') return
    const isNestedOnly = this.gate.state === 'draining'
    if (this.#queue.count({ isNestedOnly }) === 0) return
    const { side } = this.gate.authority
    const cluster = this.clusters[side]
    if (cluster === undefined) {
      const error = new PoolError('POOL_OPTIONS', `${side} has the authority, and the pool has no URL for it`)
      for (const request of this.#queue.drain()) this.#refuse(request, error)
      return
    }
    if (!cluster.isKnown) return
    if (!cluster.hasReplicas) {
      this.#serve(cluster, 'primary', { isNestedOnly })
    } else {
      this.#serve(cluster, 'primary', { isNestedOnly, target: 'primary' })
      this.#serve(cluster, 'replica', { isNestedOnly, target: 'replica' })
    }
  }

  /** Lends to those selected, the first come first; for those who are left, connections are opened. */
  #serve(cluster: Cluster, of: Target, selection: Selection): void {
    let waiting = this.#queue.count(selection)
    while (waiting > 0) {
      const slot = takeFrom(cluster.candidates(of), waiting)
      // Taking a connection may end others, and tell of it: somebody may have gone meanwhile.
      const request = slot && this.#queue.shift(selection)
      if (request === undefined) {
        if (slot !== undefined) slot.lane.give(slot)
        break
      }
      this.#lend(slot!, request)
      waiting = this.#queue.count(selection)
    }
    if (waiting === 0) return
    const lanes = cluster.candidates(of)
    const share = Math.ceil(waiting / lanes.length)
    for (const lane of lanes) lane.want(share)
  }

  #lend(slot: Slot, request: Request<Grant>): void {
    this.statistics.counts.acquired += 1
    const waitMs = slot.lentAt! - request.startedAt
    slot.lane.measures.wait.record(waitMs)
    slot.lane.telemetry.acquired(slot, waitMs)
    this.onLent?.(slot, request.options.origin)
    request.grant({ slot, authority: this.gate.enter() })
  }

  /** Whoever waits has another time limit at a closed gate than at an open one. */
  gateChanged(state: GateState): void {
    const isClosed = state !== 'open'
    if (!isClosed) for (const request of this.#leases.drain()) request.grant(this.gate.enter())
    if (isClosed !== this.#wasClosed) {
      this.#wasClosed = isClosed
      this.#rearm()
    }
    this.pump()
  }

  /** A server that knows this login not will not know it in a moment either. */
  connectFailed(lane: Lane, cause: unknown): void {
    const cluster = this.clusters[this.gate.authority.side]
    if (lane !== cluster?.primary || lane.live > 0 || lane.driver.fault(cause) !== 'denied') return
    const target = cluster.hasReplicas ? 'primary' : undefined
    const requests = this.#queue.drain({ target })
    const shortage = this.#shortage(requests.length)
    for (const request of requests)
      this.#refuse(request, new HostUnreachableError(lane.driver.where, shortage, { cause }))
  }

  /** Resolves when nothing is lent and nothing in flight, or the time is over. */
  async drained(drainMs: number): Promise<void> {
    if (this.#isIdle) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, drainMs)
      this.#onDrained = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  settleDrain(): void {
    if (this.#onDrained !== undefined && this.#isIdle) this.#onDrained()
  }

  get #isIdle(): boolean {
    return Object.values(this.clusters).every(({ inUse }) => inUse === 0)
  }

  #refuse<T>(request: Request<T>, reason: unknown): void {
    this.statistics.failed(reason)
    request.refuse(reason)
  }

  #refuseAtOnce<T>(request: Request<T>): boolean {
    const { signal } = request.options
    if (this.#failure !== undefined) this.#refuse(request, this.#failure)
    else if (signal?.aborted === true) this.#refuse(request, signal.reason)
    return request.isSettled
  }

  /** One deadline, also for a request that is made again. */
  #await<T>(request: Request<T>, queue: WaitQueue<T>, deadlines: Deadlines<T>): void {
    request.deadline = request.startedAt + this.#mostMs(request)
    deadlines.watch(request)
    request.onAbort(() => {
      if (queue.remove(request)) this.#refuse(request, request.options.signal?.reason)
    })
  }

  /** A gate that opens or closes begins another time for those who wait. */
  #rearm(): void {
    for (const request of this.#queue) {
      request.deadline = performance.now() + this.#mostMs(request)
      this.#deadlines.watch(request)
    }
  }

  #late<T>(request: Request<T>, queue: WaitQueue<T>): void {
    if (!queue.remove(request)) return
    this.#refuse(request, this.#isHeld(request) ? this.#holdOver(request.startedAt) : this.#acquireOver(request))
  }

  #isHeld<T>({ options: { rank } }: Request<T>): boolean {
    return this.#isOpen && !this.gate.admits(rank === 'nested')
  }

  #mostMs<T>(request: Request<T>): number {
    return this.#isHeld(request) ? this.options.holdTimeoutMs : this.options.acquireTimeoutMs
  }

  #holdOver(startedAt: number): Error {
    this.statistics.counts.holdTimeouts += 1
    return new HoldTimeoutError(performance.now() - startedAt, this.gate.holdId)
  }

  #acquireOver<T>({ startedAt, options: { target } }: Request<T>): Error {
    this.statistics.counts.acquireTimeouts += 1
    if (this.journalTrouble !== undefined && !this.#isOpen) {
      return new HostUnreachableError('the gate board', this.#shortage(this.waiting + 1), {
        cause: this.journalTrouble,
      })
    }
    const cluster = this.clusters[this.gate.authority.side]
    return waitOver(cluster?.candidates(target)[0] ?? cluster?.primary, startedAt, this.#shortage(this.waiting + 1))
  }

  #shortage(waiting: number): Shortage {
    return { waiting, max: this.options.max, oldestBorrower: this.oldestBorrower }
  }
}

function takeFrom(lanes: readonly Lane[], waiting: number): Slot | undefined {
  for (const lane of lanes) {
    const slot = lane.take(waiting)
    if (slot !== undefined) return slot
  }
  return undefined
}
