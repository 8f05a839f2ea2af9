/** One command of Crossfade as an operator gives it: a process of its own that leads a group, with its words kept in files. */
import { spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { watchdog } from '../servers/watchdog.js'

export type Line = Readonly<Record<string, unknown>>

export interface CommandEnd {
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly lines: readonly Line[]
  readonly stderr: string
}

export interface Command {
  readonly name: string
  readonly pid: number
  readonly child: ChildProcess
  readonly end: Promise<CommandEnd>
  isRunning(): boolean
  hasTold(matches: (line: Line) => boolean): boolean
  /** The first JSON line for which the condition holds, also one that came before; undefined when the command ended without it. */
  line(matches: (line: Line) => boolean): Promise<Line | undefined>
  /** True while a process of its group lives. */
  hasGroup(): boolean
}

export interface CommandOptions {
  /** `dist/cli/main.js` of a build. */
  readonly main: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  readonly folder: string
  /** Number of the command in its round. */
  readonly number: number
  /** Options of node, before the program. */
  readonly nodeOptions?: readonly string[]
  /** A program that starts node with these limits. */
  readonly wrapper?: readonly string[]
}

export function startCommand({ main, args, env, folder, number, ...options }: CommandOptions): Command {
  const name = `${String(number).padStart(2, '0')}-${args[0]}`
  const [program, ...rest] = [...(options.wrapper ?? []), process.execPath, ...(options.nodeOptions ?? []), main]
  const child = spawn(program!, [...rest, ...args, '--json'], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const pid = child.pid!
  watchdog.guardProgram(pid)
  const lines: Line[] = []
  let [pending, stderr, isRunning] = ['', '', true]
  const watchers = new Set<() => void>()
  const wake = (): void => {
    for (const watcher of [...watchers]) watcher()
  }
  child.stdout!.on('data', (data: Buffer) => {
    appendFileSync(join(folder, `${name}.jsonl`), data)
    const parts = (pending + data.toString('utf8')).split('\n')
    pending = parts.pop() ?? ''
    for (const part of parts) if (part.startsWith('{"v":')) lines.push(JSON.parse(part) as Line)
    wake()
  })
  child.stderr!.on('data', (data: Buffer) => {
    stderr += data.toString('utf8')
    appendFileSync(join(folder, `${name}.stderr`), data)
  })
  const end = new Promise<CommandEnd>((resolve) => {
    child.once('close', (exitCode, signal) => {
      isRunning = false
      watchdog.forgetProcess(pid)
      appendFileSync(join(folder, `${name}.jsonl`), `ended with ${exitCode ?? signal}\n`)
      resolve({ exitCode, signal, lines, stderr })
      wake()
    })
  })
  return {
    name,
    pid,
    child,
    end,
    isRunning: () => isRunning,
    hasTold: (matches) => lines.some(matches),
    line: (matches) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = lines.find(matches)
          if (!found && isRunning) return
          watchers.delete(look)
          resolve(found)
        }
        watchers.add(look)
        look()
      }),
    hasGroup: () => {
      try {
        process.kill(-pid, 0)
        return true
      } catch {
        return false
      }
    },
  }
}
