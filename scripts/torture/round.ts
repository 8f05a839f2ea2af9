/** One round: a migration under live traffic, one fault, runs until it is through, and the checks. */
import { appendFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { startChild, type Child } from '../bench/child.js'
import type { Findings } from '../appointments/ledger/compare.js'
import type { Side } from '../../src/engines/engine.js'
import type { Bed } from './bed.js'
import {
  CheckError,
  checkCompleted,
  checkEnd,
  checkGroups,
  checkRemains,
  checkServers,
  isDone,
  RECOVERY_MS,
} from './checks.js'
import { startCommand, type Command, type CommandEnd, type Line } from './command.js'
import type { Draw, Leg, Moment } from './draw.js'
import type { FaultContext, Preparation } from './faults/fault.js'
import { FAULT_WORK } from './faults/index.js'
import { LEASE_MS, writePlan } from './plan-file.js'
import { openStage, type Stage } from './stage.js'
import type { TrafficCommand, TrafficCounts, TrafficSettings } from './traffic/main.js'

export interface RoundOptions {
  readonly bed: Bed
  readonly draw: Draw
  /** `dist/cli/main.js`. */
  readonly main: string
  /** Kept when the round fails. */
  readonly folder: string
  /** Every limit of time is so many times as long: for a busy machine. */
  readonly patience: number
}

export interface RoundFacts {
  /** How each command ended, in the order in which they began. */
  readonly ends: readonly string[]
  readonly counts: TrafficCounts
}

type Traffic = Child<TrafficCommand, TrafficCounts>

/** A leg that takes longer hangs: without a fault it takes seconds. */
const LEG_MS = 150_000
/** Between the end of a run and the next one, as a supervisor would wait. */
const AGAIN_MS = 500
const TRAFFIC_FIRST_MS = 300
const MAX_RUNS = 40

/** @throws {CheckError} and whatever else went wrong. */
export async function runRound(options: RoundOptions): Promise<RoundFacts> {
  const { bed, draw, folder } = options
  mkdirSync(folder, { recursive: true })
  const stage = await openStage(bed, draw)
  const round = new Round(options, stage)
  try {
    return await round.run()
  } finally {
    await round.end()
    await bed.mend()
    await stage.drop()
  }
}

class Round {
  readonly #commands: Command[] = []
  readonly #plan: string
  #traffic: Traffic | undefined
  #preparation: Preparation = {}

  constructor(
    private readonly options: RoundOptions,
    private readonly stage: Stage,
  ) {
    this.#plan = writePlan(options.folder, options.draw)
  }

  async run(): Promise<RoundFacts> {
    const { draw } = this.options
    this.#traffic = await this.#startTraffic()
    await delay(TRAFFIC_FIRST_MS)
    await this.#drive('forward', ['run', this.#plan, '--yes', '--until', 'validate'])
    await this.#verifyBesideARun()
    if (draw.isBack) await this.#drive('back', ['rollback', this.#plan])
    const side: Side = draw.isBack ? 'blue' : 'green'
    await this.#checkTrafficGoesOn(side)
    await this.#must(['complete', this.#plan], 0)
    const counts = await this.#stopTraffic()
    await this.#checkLedger(side, counts)
    await checkGroups(this.#commands)
    await checkServers(this.stage)
    if (draw.isBack) await checkRemains(this.stage)
    else await checkCompleted(this.stage)
    const ends = await Promise.all(this.#commands.map(({ end }) => end))
    return { ends: ends.map(({ exitCode, signal }) => String(exitCode ?? signal)), counts }
  }

  /** Ends what the round started, also after a failure. */
  async end(): Promise<void> {
    for (const { pid, end } of this.#commands.filter((command) => command.isRunning() || command.hasGroup())) {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // Gone meanwhile.
      }
      await end
    }
    await this.#preparation.undo?.()
    // Its own end waits for transactions that a server in trouble may never answer.
    this.#traffic?.kill()
    await this.#traffic?.[Symbol.asyncDispose]()
  }

  /** Gives a command, and `run` again after each end that is not the wanted one, until the leg is through. */
  async #drive(leg: Leg, args: readonly string[]): Promise<void> {
    const { draw, folder } = this.options
    const deadline = this.#until(LEG_MS)
    const fault = draw.leg === leg ? FAULT_WORK[draw.fault] : undefined
    if (fault?.prepare) this.#preparation = await fault.prepare(draw, folder)
    const first = this.#start(args, fault ? this.#preparation : {})
    const beside: Command[] = []
    const context: FaultContext = {
      draw,
      folder,
      stage: this.stage,
      traffic: this.#traffic!,
      orchestrator: first,
      leaseMs: LEASE_MS,
      startAgain: () => {
        const command = this.#start(args)
        beside.push(command)
        return command
      },
      note: (text) => this.#note(text),
    }
    const strike = fault ? this.#strike(context) : Promise.resolve()
    // Awaited below; until then a failure must not end the process.
    strike.catch(() => undefined)
    let command = first
    for (let runs = 1; ; runs += 1) {
      const end = await within(deadline, `${command.name} goes on and on`, command.end)
      checkEnd(command, end, draw)
      if (isDone(end) && (end.exitCode === 5) === (leg === 'back')) break
      if (isDone(end) && leg === 'forward' && end.exitCode === 5)
        throw new CheckError('exit code', `${command.name} rolled back: ${JSON.stringify(end.lines.at(-1))}`)
      if (runs === MAX_RUNS) throw new CheckError('the leg comes to its end', `${runs} runs did not bring it there`)
      await delay(AGAIN_MS)
      command = beside.shift() ?? this.#start(this.#next(leg, args, end))
    }
    await within(deadline, 'the fault did not end', strike)
    for (const other of this.#commands) await within(deadline, `${other.name} goes on and on`, other.end)
  }

  /** What an operator gives next: `run`, which goes on where the journal says, unless nobody has heard the command. */
  #next(leg: Leg, args: readonly string[], { exitCode }: CommandEnd): readonly string[] {
    return leg === 'forward' || exitCode === 6 ? args : ['run', this.#plan]
  }

  async #strike(context: FaultContext): Promise<void> {
    const { draw, orchestrator } = context
    const isReached = (await orchestrator.line(momentOf(draw.moment))) !== undefined
    if (!isReached) this.#note('the moment never came; the fault strikes now')
    await delay(draw.moment.afterMs)
    this.#note(`${draw.fault} strikes ${orchestrator.isRunning() ? '' : '(the run has ended)'}`)
    await FAULT_WORK[draw.fault].strike(context, this.#preparation)
    this.#note(`${draw.fault} is over`)
  }

  /** `verify` beside a run that keeps the way back, which then ends cleanly. */
  async #verifyBesideARun(): Promise<void> {
    const serving = this.#start(['run', this.#plan, '--wait'])
    const isWaiting = await within(
      this.#until(RECOVERY_MS),
      'no run keeps the way back',
      serving.line(({ type, for: what }) => type === 'waiting' && what === 'approval'),
    )
    if (!isWaiting) {
      const { exitCode, lines } = await serving.end
      throw new CheckError('a run keeps the way back', `ended with ${exitCode}: ${JSON.stringify(lines.at(-1))}`)
    }
    await this.#must(['verify', this.#plan], 0)
    serving.child.kill('SIGTERM')
    const { exitCode } = await within(this.#until(RECOVERY_MS), 'SIGTERM ends a run', serving.end)
    if (exitCode !== 130) throw new CheckError('SIGTERM ends a run', `with ${exitCode}`)
  }

  async #must(args: readonly string[], exitCode: number): Promise<void> {
    const command = this.#start(args)
    const end = await within(this.#until(LEG_MS), `${command.name} goes on and on`, command.end)
    if (end.exitCode === exitCode && end.stderr === '') return
    const words = `${end.exitCode ?? end.signal}: ${JSON.stringify(end.lines.slice(-3))} ${end.stderr}`
    throw new CheckError(`${args[0]} ends with ${exitCode}`, words)
  }

  #start(args: readonly string[], preparation: Preparation = {}): Command {
    const { main, folder } = this.options
    const { crossfade: urls, meta } = this.stage
    const number = this.#commands.length + 1
    const command = startCommand({
      main,
      folder,
      number,
      args: ['run', 'rollback', 'complete'].includes(args[0]!)
        ? [...args, '--log-file', join(folder, 'crossfade.log')]
        : args,
      nodeOptions: preparation.nodeOptions,
      wrapper: preparation.wrapper,
      env: {
        ...process.env,
        CROSSFADE_BLUE_URL: urls.blue,
        CROSSFADE_GREEN_URL: urls.green,
        CROSSFADE_JOURNAL_URL: urls.journal,
        CROSSFADE_META: meta,
        CROSSFADE_BACKUP_DIR: join(folder, 'backup'),
        ...this.#preparation.env,
        ...(Object.keys(preparation).length > 0 ? {} : { CROSSFADE_CRASH_AT: '' }),
      },
    })
    this.#commands.push(command)
    this.#note(`${command.name}: ${args.join(' ')}`)
    return command
  }

  #startTraffic(): Promise<Traffic> {
    const { draw, folder } = this.options
    const { engine, application: urls, meta } = this.stage
    const { subject, pooled, plain, pauseMs, seed, round } = draw
    const settings: TrafficSettings = {
      engine,
      subject,
      urls,
      meta,
      pooled,
      plain,
      pauseMs,
      seed: seed * 10_000 + round,
      log: join(folder, 'traffic.log'),
    }
    return startChild<TrafficCommand, TrafficCounts>(new URL('./traffic/main.ts', import.meta.url).href, settings)
  }

  /** Pooled clients find the side with the authority by themselves. */
  async #checkTrafficGoesOn(side: Side): Promise<void> {
    const before = await this.#traffic!.ask({ type: 'count' })
    const until = this.#until(RECOVERY_MS)
    for (;;) {
      const now = await this.#traffic!.ask({ type: 'count' })
      if (now.acknowledgedByPool > before.acknowledgedByPool + 3 && now.side === side) return
      if (performance.now() > until)
        throw new CheckError('the application goes on', `${JSON.stringify(before)}, later ${JSON.stringify(now)}`)
      await delay(100)
    }
  }

  async #stopTraffic(): Promise<TrafficCounts> {
    const answer = this.#traffic!.ask({ type: 'stop' })
    return within(this.#until(RECOVERY_MS), 'the application ends', answer)
  }

  async #checkLedger(side: Side, counts: TrafficCounts): Promise<void> {
    const url = this.stage.direct[side]
    const ask = this.#traffic!.ask as unknown as (command: TrafficCommand) => Promise<Findings>
    const { lost, duplicated, wrong, details } = await ask({ type: 'check', side, url })
    this.#note(`ledger: ${JSON.stringify(counts)} ${JSON.stringify({ lost, duplicated, wrong })}`)
    if (lost + duplicated + wrong + counts.impossible.length > 0)
      throw new CheckError('ledger', [...details, ...counts.impossible].slice(0, 10).join('; '))
    if (counts.acknowledged === 0) throw new CheckError('ledger', 'the application wrote nothing')
  }

  /** The end of a limit that begins now. */
  #until(ms: number): number {
    return performance.now() + ms * this.options.patience
  }

  #note(text: string): void {
    appendFileSync(join(this.options.folder, 'round.log'), `${new Date().toISOString()} ${text}\n`)
  }
}

function momentOf({ at }: Moment): (line: Line) => boolean {
  const [kind, name] = at.split(' ')
  switch (kind) {
    case 'phase':
      return ({ type, phase }) => type === 'phase-started' && phase === name
    case 'step':
      return ({ type, step }) => type === 'switch-step' && step === name
    case 'start':
      return () => true
    default:
      return ({ type }) => type === kind
  }
}

async function within<T>(deadline: number, check: string, work: Promise<T>): Promise<T> {
  const timer = new AbortController()
  const late = Symbol('late')
  const result = await Promise.race([
    work,
    delay(Math.max(0, deadline - performance.now()), late, { signal: timer.signal }),
  ])
  timer.abort()
  if (result === late) throw new CheckError('everything ends in time', check)
  return result as T
}
