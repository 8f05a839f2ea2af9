/** The client's half of the gate board: beats, reconnecting and order of states, over the wire of one engine. */
import type { BoardState, ClientIdentity, ClientReport, GateClient } from './gate-board.js'

/** How one engine carries the board. A wire is opened again after it was lost. */
export interface GateWire {
  /** Why the board cannot be seen although it may be there: a right is missing. Set by `beat`. */
  readonly denial: Error | undefined
  /** Connects. `onPush` gets what the server pushes; `onLost` is called at most once per `open`, when the link is gone. */
  open(onPush: (state: BoardState | undefined) => void, onLost: (cause: Error) => void): Promise<void>
  /** Writes the client's row and reads the gate in one go. Undefined: there is no board. */
  beat(identity: ClientIdentity, report: ClientReport): Promise<BoardState | undefined>
  /** Deletes the client's row. */
  leave(id: string): Promise<void>
  /** Safe to repeat, also when `open` failed. Waits for nothing. */
  close(): void
}

/** Reconnecting waits between these, with jitter. */
const RETRY_MIN_MS = 50
const RETRY_MAX_MS = 1_000
/** `unregister` gives up on a server that does not answer. */
const LEAVE_MS = 1_000

export class BoardClient implements GateClient {
  #onState: (state: BoardState | undefined) => void = () => undefined
  #onTrouble: (cause: Error) => void = () => undefined
  #identity: ClientIdentity | undefined
  #report: (() => ClientReport) | undefined
  #version = -1
  #isOpen = false
  #isRegistered = false
  #isEnding = false
  #isDenied = false
  #timer: NodeJS.Timeout | undefined
  #reconnecting: Promise<void> | undefined
  /** Ends the pause before the next attempt. */
  #goOn: (() => void) | undefined
  #running: Promise<BoardState | undefined> | undefined
  #queued: Promise<BoardState | undefined> | undefined

  constructor(
    private readonly wire: GateWire,
    private readonly beatMs: number,
  ) {}

  async register(identity: ClientIdentity, report: () => ClientReport): Promise<BoardState | undefined> {
    this.#identity = identity
    this.#report = report
    try {
      await this.#open()
      const state = await this.#beat()
      this.#isRegistered = true
      this.#offer(state)
      this.#tellDenial()
      return state
    } catch (error) {
      this.#isOpen = false
      this.wire.close()
      throw error
    } finally {
      if (!this.#isEnding && this.#isRegistered) this.#schedule()
    }
  }

  watch(onState: (state: BoardState | undefined) => void): void {
    this.#onState = onState
  }

  onTrouble(listener: (cause: Error) => void): void {
    this.#onTrouble = listener
  }

  async acknowledge(): Promise<void> {
    await this.read().catch(() => undefined)
  }

  async read(): Promise<BoardState | undefined> {
    if (this.#identity === undefined || this.#report === undefined || this.#isEnding) return undefined
    if (this.#reconnecting !== undefined) await this.#reconnecting
    try {
      const state = await this.#beat()
      this.#offer(state)
      this.#tellDenial()
      return state
    } catch (error) {
      this.#lost(toError(error))
      throw error
    }
  }

  async unregister(): Promise<void> {
    if (this.#isEnding) return
    this.#isEnding = true
    clearTimeout(this.#timer)
    if (this.#isOpen && this.#identity !== undefined) {
      const { id } = this.#identity
      const leave = async () => {
        await this.#running?.catch(() => undefined)
        await this.wire.leave(id)
      }
      await atMost(
        LEAVE_MS,
        leave().catch(() => undefined),
      )
    }
    this.#isOpen = false
    this.wire.close()
    this.#goOn?.()
    if (this.#reconnecting !== undefined) await atMost(LEAVE_MS, this.#reconnecting)
  }

  async #open(): Promise<void> {
    await this.wire.open(
      (state) => this.#offer(state),
      (cause) => this.#lost(cause),
    )
    // `unregister` had nothing to close yet.
    if (this.#isEnding) {
      this.wire.close()
      throw new Error('the link to the gate board has ended')
    }
    this.#isOpen = true
  }

  /** One at a time; who asks while one runs shares the next one, which reports what is true by then. */
  #beat(): Promise<BoardState | undefined> {
    if (this.#running === undefined) return this.#startBeat()
    this.#queued ??= this.#running
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined
        return this.#startBeat()
      })
    return this.#queued
  }

  #startBeat(): Promise<BoardState | undefined> {
    const beat = this.wire.beat(this.#identity!, this.#report!()).finally(() => {
      if (this.#running === beat) this.#running = undefined
    })
    this.#running = beat
    return beat
  }

  /** Pushes, beats and reads overtake each other; only a newer version is news. */
  #offer(state: BoardState | undefined): void {
    if (this.#isEnding) return
    if (state === undefined) {
      if (this.#version !== -1) {
        this.#version = -1
        this.#onState(undefined)
      }
      return
    }
    // The same version is passed on too: an expired lease changes the meaning of a row without changing the row.
    if (state.version < this.#version) return
    this.#version = state.version
    this.#onState(state)
  }

  /** Once, and again after it went away: no board and no rights look alike to MySQL. */
  #tellDenial(): void {
    const { denial } = this.wire
    if (denial !== undefined && !this.#isDenied) this.#onTrouble(denial)
    this.#isDenied = denial !== undefined
  }

  #schedule(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      void this.acknowledge().finally(() => {
        if (!this.#isEnding && this.#reconnecting === undefined) this.#schedule()
      })
    }, this.beatMs)
    this.#timer.unref()
  }

  #lost(cause: Error): void {
    if (this.#isEnding || !this.#isOpen) return
    this.#isOpen = false
    this.wire.close()
    // Whoever is opening the wire sees its own beat fail and goes on.
    if (!this.#isRegistered || this.#reconnecting !== undefined) return
    this.#onTrouble(cause)
    this.#reconnecting = this.#reconnect()
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
      setTimeout(resolve, ms).unref()
    })
  }

  async #reconnect(): Promise<void> {
    let waitMs = RETRY_MIN_MS
    while (!this.#isEnding) {
      try {
        await this.#open()
        const state = await this.#beat()
        this.#reconnecting = undefined
        this.#offer(state)
        this.#schedule()
        return
      } catch (error) {
        this.#isOpen = false
        this.wire.close()
        if (this.#isEnding) return
        this.#onTrouble(toError(error))
        await this.#pause(waitMs * (0.75 + Math.random() / 2))
        waitMs = Math.min(waitMs * 2, RETRY_MAX_MS)
      }
    }
  }
}

/** The process does not end meanwhile. */
async function atMost(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
