/** The hosts of one side: one takes the writes, any number of replicas take reads. One lane of connections for each. */
import type { Side } from '../engines/engine.js'
import { choosePrimary } from './choose-primary.js'
import type { Borrower } from './errors.js'
import type { HostSetting, Lane, Target } from './lane.js'
import { Monitor, type Evidence } from './monitor.js'
import type { CloseReason } from './stats.js'

/** How many connections were lent lately, by what they were lent for. */
export interface Usual {
  readonly primary: number
  readonly replica: number
}

/** As long as other connections of ours wait for a server that says nothing. Many looks of a monitor, five at a lone host. */
const SILENCE_MS = 10_000
const LONE_LOOK_MS = 2_500

/** What speaks against the host that took the writes. `term`: it says that it takes them, of an older line of primaries. */
export type FailoverReason = 'operator' | 'silent' | 'unreachable' | 'follows' | 'read-only' | 'term'

export interface ClusterEvents {
  /** Who may lend what has changed. */
  onProgress(): void
  onFailover(from: Lane, to: Lane, why: FailoverReason): void
  /** Several hosts say that they take the writes; none any more when `rivals` is empty. */
  onConflict(primary: Lane, rivals: readonly Lane[]): void
}

export class Cluster {
  readonly #monitors: ReadonlyMap<Lane, Monitor>
  #primary: Lane
  #replicas: readonly Lane[]
  #rivals: readonly Lane[] = []
  #isWatching = false
  #loneTimer: NodeJS.Timeout | undefined

  /** @param lanes the configured primary first. */
  constructor(
    readonly side: Side,
    readonly lanes: readonly [Lane, ...Lane[]],
    application: string,
    private readonly events: ClusterEvents,
  ) {
    this.#primary = lanes[0]
    this.#replicas = lanes.slice(1)
    for (const lane of this.#replicas) lane.role = 'replica'
    // Where nobody could take over, nobody need be watched.
    const options = { application, isStanding: lanes.length > 1, isUrgent: () => !this.takesWrites }
    this.#monitors = new Map(
      lanes.map((lane) => [lane, new Monitor(lane.driver, options, (evidence) => this.#heard(lane, evidence))]),
    )
  }

  /** The host that takes the writes now. */
  get primary(): Lane {
    return this.#primary
  }

  /** All others, also those that cannot be used now. */
  get replicas(): readonly Lane[] {
    return this.#replicas
  }

  /** False until each host has said what it is, or did not answer: a write must not go to a primary of former days. */
  get isKnown(): boolean {
    return this.lanes.length === 1 || this.lanes.every(({ evidence, setting }) => evidence || setting === 'maintenance')
  }

  /** By what it said last, or because nothing speaks against it. */
  get takesWrites(): boolean {
    const { evidence } = this.#primary
    return evidence === undefined ? this.lanes.length === 1 : claims(this.#primary)
  }

  /** A replica can serve reads. */
  get hasReplicas(): boolean {
    return this.#replicas.some((lane) => lane.isUsable)
  }

  /**
   * Who may serve a request, the least busy one first, of equally busy ones the one that is least behind. A read goes to the primary when no replica can be used. The primary
   * is left out for nothing but the operator's word: it is the last candidate.
   */
  candidates(target: Target): readonly Lane[] {
    if (target === 'replica' && this.#replicas.length > 0) {
      const usable = this.usableReplicas.filter(({ lag }) => !lag.isTooLong)
      if (usable.length > 0) return usable.toSorted((a, b) => a.inUse - b.inUse || (a.lag.ms ?? 0) - (b.lag.ms ?? 0))
    }
    return this.#primary.setting === 'auto' ? [this.#primary] : []
  }

  get usableReplicas(): readonly Lane[] {
    return this.#replicas.filter((lane) => lane.isUsable)
  }

  /** Asks this host now what it is. Resolves when its answer, or its silence, has been drawn conclusions from. */
  async probe(lane: Lane): Promise<void> {
    if (lane.setting !== 'maintenance') await this.#monitors.get(lane)?.probe()
  }

  /** Asks all hosts. */
  async probeAll(): Promise<void> {
    await Promise.all(this.lanes.map((lane) => this.probe(lane)))
  }

  /** The operator's word. */
  async set(lane: Lane, setting: HostSetting): Promise<void> {
    lane.set(setting)
    const monitor = this.#monitors.get(lane)
    if (setting === 'maintenance') {
      await monitor?.stop()
      lane.evidence = undefined
    } else if (this.#isWatching) {
      monitor?.start()
      await monitor?.probe()
    }
    this.#decide()
  }

  get inUse(): number {
    return this.lanes.reduce((sum, lane) => sum + lane.inUse, 0)
  }

  get oldestBorrower(): Borrower | undefined {
    return oldestOf(this.lanes)
  }

  get usual(): Usual {
    return { primary: this.#primary.usual, replica: Math.max(0, ...this.#replicas.map((lane) => lane.usual)) }
  }

  /** All connections that are to be kept open are there. A replica that cannot be used is not waited for. */
  get isFull(): boolean {
    return this.#primary.isFull && this.usableReplicas.every((lane) => lane.isFull)
  }

  /** As {@link Lane.fill}, on each host. */
  fill(least?: Usual): void {
    this.#watch()
    for (const lane of this.lanes) lane.fill(least?.[lane.role])
  }

  retireSoon(reason: CloseReason): void {
    void this.#unwatch()
    for (const lane of this.lanes) lane.retireSoon(reason)
  }

  reap(): void {
    for (const lane of this.lanes) lane.reap()
  }

  async destroy(reason: CloseReason): Promise<void> {
    await Promise.all([this.#unwatch(), ...this.lanes.map((lane) => lane.destroy(reason))])
  }

  #watch(): void {
    if (this.#isWatching) return
    this.#isWatching = true
    for (const lane of this.lanes) if (lane.setting !== 'maintenance') this.#monitors.get(lane)!.start()
    if (this.lanes.length > 1) return
    this.#loneTimer = setInterval(() => this.#lookAtLone(), LONE_LOOK_MS)
    this.#loneTimer.unref()
  }

  async #unwatch(): Promise<void> {
    if (!this.#isWatching) return
    this.#isWatching = false
    clearInterval(this.#loneTimer)
    // What was true then says nothing when this side is used again.
    for (const lane of this.lanes) lane.evidence = undefined
    await Promise.all([...this.#monitors.values()].map((monitor) => monitor.stop()))
  }

  /** A host that nobody watches is asked while somebody waits long for it: a statement that takes its time looks the same. */
  #lookAtLone(): void {
    const [lane] = this.lanes
    if ((lane.oldestBorrower?.ageMs ?? 0) >= LONE_LOOK_MS) void this.probe(lane)
    else lane.silentSince = undefined
  }

  #heard(lane: Lane, evidence: Evidence): void {
    const wasFollowing = lane.evidence?.role !== undefined && !claims(lane)
    lane.evidence = evidence
    if (evidence.role?.isReplica === true) lane.lag.heard(evidence.lagMs)
    // The former primary may be silent, which only a look at it tells.
    if (wasFollowing && claims(lane) && lane !== this.#primary) this.#monitors.get(this.#primary)!.hurry()
    if (evidence.isReachable) lane.breaker.hint()
    else lane.breaker.failed()
    lane.silentSince = evidence.isSilent ? (lane.silentSince ?? evidence.askedAt) : undefined
    // Nobody will tell them: what is frozen, or cut off without a word, keeps its connections open.
    if (lane.silentSince !== undefined && performance.now() - lane.silentSince >= SILENCE_MS) lane.dropLent()
    this.#decide()
  }

  #decide(): void {
    if (!this.isKnown) return
    const hosts = this.lanes.map((lane) => ({
      lane,
      isCurrent: lane === this.#primary,
      claims: claims(lane),
      term: lane.evidence?.role?.term,
    }))
    const choice = choosePrimary(
      hosts,
      hosts.find((host) => host.isCurrent)!,
    )
    const rivals = choice.rivals.map(({ lane }) => lane)
    this.#promote(choice.primary.lane)
    // Whoever writes there would split the history.
    for (const rival of rivals) rival.dropLent()
    if (rivals.length !== this.#rivals.length || rivals.some((rival) => !this.#rivals.includes(rival))) {
      this.#rivals = rivals
      this.events.onConflict(this.#primary, rivals)
    }
    this.events.onProgress()
  }

  #promote(lane: Lane): void {
    const old = this.#primary
    if (lane === old) return
    const why = reasonAgainst(old)
    this.#primary = lane
    this.#replicas = this.lanes.filter((other) => other !== lane)
    lane.role = 'primary'
    old.role = 'replica'
    // A host that says it is read-only refuses what must be refused; any other could still take writes, or never answer.
    if (old.evidence?.role === undefined || old.evidence.role.isWritable) old.dropLent()
    lane.fill(old.usual)
    this.events.onFailover(old, lane, why)
  }
}

/** It says so itself: it takes writes and follows nobody. */
function claims({ evidence, setting }: Lane): boolean {
  return setting === 'auto' && evidence?.role?.isWritable === true && !evidence.role.isReplica
}

function reasonAgainst({ setting, evidence }: Lane): FailoverReason {
  if (setting !== 'auto') return 'operator'
  if (evidence?.isSilent === true) return 'silent'
  if (evidence?.role === undefined) return 'unreachable'
  if (evidence.role.isReplica) return 'follows'
  return evidence.role.isWritable ? 'term' : 'read-only'
}

export function oldestOf(lanes: readonly Pick<Lane, 'oldestBorrower'>[]): Borrower | undefined {
  return lanes
    .map((lane) => lane.oldestBorrower)
    .filter((borrower) => borrower !== undefined)
    .toSorted((a, b) => b.ageMs - a.ageMs)[0]
}
