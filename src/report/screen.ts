/** The live display of a run on a terminal: a few lines at the bottom, redrawn in place; what has happened scrolls above them. */
import type { MigrationEvent } from '../journal/events.js'
import { lineOf } from './lines.js'
import { count, duration } from './numbers.js'
import { plain, printable, type Paint } from './paint.js'

export interface Copying {
  readonly rows: number
  readonly estimatedRows: number
  /** Rows per second of the last chunks, for an interval instead of a jumping number. */
  readonly rates: readonly number[]
}

export interface ScreenOptions {
  readonly write: (text: string) => void
  readonly columns: () => number
  /** Default: no colours. */
  readonly paint?: Paint
  /** Milliseconds. Default: the process clock. */
  readonly now?: () => number
}

/** Chunks whose rates make the interval. */
const WINDOW = 12
/** Faster redrawing flickers and costs more than it tells. */
const REDRAW_MS = 200

export class Screen {
  readonly #options: Required<ScreenOptions>
  readonly #copying = new Map<string, Copying>()
  #copied = 0
  #phase: { name: string; since: number } | undefined
  #lag = ''
  #waiting = ''
  #lastSwitch = ''
  #drawn = 0
  #drawnAt = Number.NEGATIVE_INFINITY

  constructor(options: ScreenOptions) {
    this.#options = { paint: plain, now: () => performance.now(), ...options }
  }

  see(event: MigrationEvent): void {
    this.#remember(event)
    if (event.type === 'lag' || (event.type === 'copied' && !event.isDone)) return this.#draw()
    const line = lineOf(event, this.#options.paint)
    if (line !== undefined) this.say(line)
    else this.#draw()
  }

  /** A line that stays, above the display. */
  say(line: string): void {
    this.#clear()
    this.#options.write(`${line}\n`)
    this.#draw(true)
  }

  /** Takes the display away and leaves the cursor below what stays. */
  end(): void {
    this.#clear()
  }

  #remember(event: MigrationEvent): void {
    switch (event.type) {
      case 'phase-started':
        this.#phase = { name: event.phase, since: this.#options.now() }
        this.#waiting = ''
        return
      case 'phase-done':
        this.#copying.clear()
        return
      case 'copied': {
        const { projection, rows, estimatedRows, rowsPerSecond } = event
        const rates = [...(this.#copying.get(projection)?.rates ?? []), rowsPerSecond].slice(-WINDOW)
        this.#copying.delete(projection)
        if (event.isDone) this.#copied += 1
        else this.#copying.set(projection, { rows, estimatedRows, rates })
        this.#waiting = ''
        return
      }
      case 'lag':
        this.#lag = `${event.side} has ${count(event.changes)} changes queued, the oldest ${duration(event.ageMs)} old; ${count(event.applied)} applied`
        return
      case 'waiting':
        this.#waiting = `waiting for ${event.for}: ${event.why}; next: ${event.next}`
        return
      case 'throttled':
        this.#waiting = `the copy waits: ${event.reason}`
        return
      case 'command':
        if (event.accepted) this.#waiting = ''
        return
      case 'switched':
        this.#waiting = ''
        this.#lastSwitch = `${event.to} has the authority since epoch ${event.epoch}; the hold took ${duration(event.holdMs)}`
        return
      default:
        return
    }
  }

  #lines(): string[] {
    const { paint, now } = this.#options
    return [
      ...(this.#phase ? [paint('strong', `${this.#phase.name}, ${duration(now() - this.#phase.since)}`)] : []),
      ...[...this.#copying].map(([name, copying]) => `${name}: ${progressOf(copying)}`),
      ...(this.#copied > 0 && this.#phase?.name === 'dual-write-sync' ? [`${this.#copied} tables copied`] : []),
      ...(this.#lastSwitch ? [this.#lastSwitch] : []),
      ...(this.#lag ? [paint('dim', this.#lag)] : []),
      ...(this.#waiting ? [paint('warn', printable(this.#waiting))] : []),
    ]
  }

  #draw(isForced = false): void {
    const { now, write, columns } = this.#options
    if (!isForced && now() - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now()
    this.#clear()
    const lines = this.#lines().map((line) => ` ~ ${cut(line, Math.max(20, columns() - 4))}\n`)
    write(lines.join(''))
    this.#drawn = lines.length
  }

  #clear(): void {
    if (this.#drawn > 0) this.#options.write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }
}

/** A line that wraps would break the count of lines to go back. Colour codes take no room. */
function cut(text: string, width: number): string {
  let room = width
  let result = ''
  // oxlint-disable-next-line no-control-regex -- colour codes start with ESC
  for (const part of text.replace(/\n/g, ' ').split(/(\u001b\[\d+m)/)) {
    if (part.startsWith('\u001b')) result += part
    else {
      const shown = [...part].slice(0, room).join('')
      room -= [...shown].length
      result += shown
    }
  }
  return result
}

/** `12,000 of about 40,000 rows, 9,000-15,000/s, 2.0 s to 3.1 s left`: the slowest and the fastest of the last chunks. */
export function progressOf({ rows, estimatedRows, rates }: Copying): string {
  const done = `${count(rows)} of about ${count(estimatedRows)} rows`
  const known = rates.filter((rate) => rate > 0)
  if (known.length === 0) return done
  const [slow, fast] = [Math.min(...known), Math.max(...known)]
  const left = Math.max(0, estimatedRows - rows) * 1000
  const [soonest, latest] = [duration(left / fast), duration(left / slow)]
  const speed = slow === fast ? count(fast) : `${count(slow)}-${count(fast)}`
  return `${done}, ${speed}/s, ${soonest === latest ? soonest : `${soonest} to ${latest}`} left`
}
