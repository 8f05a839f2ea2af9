/** The live display of a run on a terminal: a few lines at the bottom, redrawn in place; what has happened scrolls above them. */
import type { MigrationEvent } from '../journal/events.js'
import { lineOf } from './lines.js'

interface Copying {
  rows: number
  estimatedRows: number
  /** Rates of the last chunks, for an interval instead of a jumping number. */
  rates: number[]
}

/** Chunks whose rates make the interval. */
const WINDOW = 12
const REDRAW_MS = 200

export class Screen {
  readonly #write: (text: string) => void
  readonly #width: () => number
  readonly #copying = new Map<string, Copying>()
  #done = 0
  #lag = ''
  #waiting = ''
  #phase = ''
  #drawn = 0
  #drawnAt = 0

  constructor(write: (text: string) => void, width: () => number) {
    this.#write = write
    this.#width = width
  }

  see(event: MigrationEvent): void {
    switch (event.type) {
      case 'copied': {
        const known = this.#copying.get(event.projection) ?? { rows: 0, estimatedRows: event.estimatedRows, rates: [] }
        this.#copying.set(event.projection, { rows: event.rows, estimatedRows: event.estimatedRows, rates: [...known.rates, event.rowsPerSecond].slice(-WINDOW) })
        if (event.isDone) {
          this.#copying.delete(event.projection)
          this.#done += 1
        }
        return this.#draw()
      }
      case 'lag':
        this.#lag = `${event.side} has ${event.changes} changes queued, the oldest ${event.ageMs} ms old; ${event.applied} applied`
        return this.#draw()
      case 'waiting':
        this.#waiting = `waiting for ${event.for}: ${event.why}; next: ${event.next}`
        break
      case 'throttled':
        this.#waiting = `the copy waits: ${event.reason}`
        break
      case 'phase-started':
        this.#phase = event.phase
        this.#waiting = ''
        break
      default:
        break
    }
    const line = lineOf(event)
    if (line !== undefined) this.#above(line)
  }

  /** Leaves the cursor below what was drawn. */
  end(): void {
    this.#clear()
  }

  #above(line: string): void {
    this.#clear()
    this.#write(`${line}\n`)
    this.#draw(true)
  }

  #draw(isForced = false): void {
    const now = performance.now()
    if (!isForced && now - this.#drawnAt < REDRAW_MS) return
    this.#drawnAt = now
    this.#clear()
    const lines = [
      ...[...this.#copying].map(([name, copying]) => `   ${name}: ${progressOf(copying)}`),
      ...(this.#phase === 'dual-write-sync' && this.#done > 0 ? [`   ${this.#done} tables copied`] : []),
      ...(this.#lag ? [`   ${this.#lag}`] : []),
      ...(this.#waiting ? [`   ${this.#waiting}`] : []),
    ].map((line) => line.slice(0, Math.max(20, this.#width() - 1)))
    this.#write(lines.map((line) => `${line}\n`).join(''))
    this.#drawn = lines.length
  }

  #clear(): void {
    if (this.#drawn > 0) this.#write(`\u001b[${this.#drawn}A\u001b[0J`)
    this.#drawn = 0
  }
}

/** `12,000 of about 40,000 rows, 9,000-15,000/s, 2-3 s left`. */
export function progressOf({ rows, estimatedRows, rates }: Copying): string {
  const known = rates.filter((rate) => rate > 0)
  const done = `${rows.toLocaleString('en-US')} of about ${estimatedRows.toLocaleString('en-US')} rows`
  if (known.length === 0) return done
  const [slow, fast] = [Math.min(...known), Math.max(...known)]
  const left = Math.max(0, estimatedRows - rows)
  return `${done}, ${slow.toLocaleString('en-US')}-${fast.toLocaleString('en-US')}/s, ${Math.ceil(left / fast)}-${Math.ceil(left / slow)} s left`
}
