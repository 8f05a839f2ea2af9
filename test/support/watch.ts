/** A command that goes on while the test does other things. */
import type { ChildProcess } from 'node:child_process'
import { finished, type CliResult } from './shop.js'

export type Line = Readonly<Record<string, unknown>>

export interface Watched {
  readonly child: ChildProcess
  /** Its end. */
  readonly result: Promise<CliResult>
  /** The first JSON line for which the condition holds, also one that came before. Rejects when the command ends without it. */
  line(matches: (line: Line) => boolean): Promise<Line>
}

export function watch(child: ChildProcess): Watched {
  const lines: Line[] = []
  let rest = ''
  let onLine = (): void => {}
  child.stdout?.on('data', (data: Buffer) => {
    const parts = (rest + data.toString('utf8')).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('{"v":')) lines.push(JSON.parse(part) as Line)
    onLine()
  })
  const result = finished(child)
  return {
    child,
    result,
    line: (matches) =>
      new Promise((resolve, reject) => {
        const before = onLine
        const look = (): void => {
          before()
          const found = lines.find(matches)
          if (found) resolve(found)
        }
        onLine = look
        look()
        void result.then(({ exitCode, stdout, stderr }) => {
          look()
          reject(new Error(`ended with ${exitCode} without the line: ${stdout.slice(-2000)}${stderr}`))
        })
      }),
  }
}

export const waitingFor =
  (what: string) =>
  (line: Line): boolean =>
    line['type'] === 'waiting' && line['for'] === what
