/** Where a command's words go: JSON lines, a live screen, or plain lines. */
import type { MigrationEvent } from '../journal/events.js'
import { lineOf } from '../report/lines.js'
import { Screen } from '../report/screen.js'

/** Version of the JSON lines. */
const JSON_VERSION = 1
/** Plain lines tell progress this often at most. */
const PROGRESS_MS = 2000

export interface Output {
  event(event: MigrationEvent): void
  /** A result that is no event; `data` is printed under `--json`, `text` otherwise. */
  result(text: string, data: Readonly<Record<string, unknown>>): void
  end(): void
}

export function openOutput(isJson: boolean, stream: NodeJS.WriteStream = process.stdout): Output {
  const write = (text: string): void => void stream.write(text)
  if (isJson) {
    const line = (data: object): void => write(`${JSON.stringify({ v: JSON_VERSION, ...data })}\n`)
    return { event: line, result: (_text, data) => line(data), end: () => undefined }
  }
  if (stream.isTTY && process.env['TERM'] !== 'dumb') {
    const screen = new Screen(write, () => stream.columns || 80)
    return { event: (event) => screen.see(event), result: (text) => write(`${text}\n`), end: () => screen.end() }
  }
  const toldAt = new Map<string, number>()
  return {
    event: (event) => {
      if (event.type === 'lag' || (event.type === 'copied' && !event.isDone)) {
        const now = performance.now()
        if (now - (toldAt.get(event.type) ?? -PROGRESS_MS) < PROGRESS_MS) return
        toldAt.set(event.type, now)
      }
      const line = lineOf(event)
      if (line !== undefined) write(`${line}\n`)
    },
    result: (text) => write(`${text}\n`),
    end: () => undefined,
  }
}
