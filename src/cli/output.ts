/** Where a command's words go: JSON lines, a live screen, or plain lines. */
import type { MigrationEvent } from '../journal/events.js'
import { lineOf } from '../report/lines.js'
import { choosePaint, plain, printable, type Paint } from '../report/paint.js'
import { Screen } from '../report/screen.js'

/** Version of the JSON lines. */
const JSON_VERSION = 1
/** Plain lines tell progress this often at most. */
const PROGRESS_MS = 2000

export interface Output {
  readonly isJson: boolean
  /** Colours where the output is a terminal that takes them. */
  readonly paint: Paint
  event(event: MigrationEvent): void
  /** A result that is no event; `data` is printed under `--json`, `text` otherwise. */
  result(text: string, data: Readonly<Record<string, unknown>>): void
  /** Takes a live display away. Safe to repeat. */
  end(): void
}

export interface OutputOptions {
  /** Default false. */
  readonly json?: boolean | undefined
  /** Default true: colours on a terminal. */
  readonly color?: boolean | undefined
  /** Default: standard output. */
  readonly stream?: NodeJS.WriteStream
}

export function openOutput({ json = false, color = true, stream = process.stdout }: OutputOptions): Output {
  const write = (text: string): void => void stream.write(text)
  if (json) {
    const line = (data: object): void => write(`${JSON.stringify({ v: JSON_VERSION, ...data })}\n`)
    return { isJson: true, paint: plain, event: line, result: (_text, data) => line(data), end: () => undefined }
  }
  const paint = choosePaint(stream, process.env, color)
  const result = (text: string): void => write(`${text}\n`)
  if (stream.isTTY && process.env['TERM'] !== 'dumb') {
    const screen = new Screen({ write, columns: () => stream.columns || 80, paint })
    return { isJson: false, paint, event: (event) => screen.see(event), result, end: () => screen.end() }
  }
  return { isJson: false, paint, event: plainLines(write), result, end: () => undefined }
}

function plainLines(write: (text: string) => void): (event: MigrationEvent) => void {
  const toldAt = new Map<string, number>()
  return (event) => {
    if (event.type === 'lag' || (event.type === 'copied' && !event.isDone)) {
      const now = performance.now()
      if (now - (toldAt.get(event.type) ?? -PROGRESS_MS) < PROGRESS_MS) return
      toldAt.set(event.type, now)
    }
    const line = lineOf(event)
    if (line !== undefined) write(`${line}\n`)
  }
}

/** An error as one JSON line, or as a message and what to do about it on standard error. */
export function tellError(
  output: Output,
  error: { readonly code?: string; readonly message: string; readonly hint?: string },
  exitCode: number,
): void {
  output.end()
  if (output.isJson) output.result('', { type: 'error', ...error, exitCode })
  else process.stderr.write(printable(`crossfade: ${error.message}\n${error.hint ? `${error.hint}\n` : ''}`))
}
