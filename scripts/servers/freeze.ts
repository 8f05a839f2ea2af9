/** Freezing a server with all its processes: PostgreSQL's backends would go on without their stopped parent. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { watchdog } from './watchdog.ts'

export class Frozen {
  readonly #children = new Set<number>()

  /** Stops the server, then its children, which no stopped parent can have more of. May be repeated. */
  async freeze(pid: number): Promise<void> {
    send(pid, 'SIGSTOP')
    for (const child of await listChildren(pid)) {
      // Nobody else ends a stopped child when this process dies.
      watchdog.guardProcess(child)
      this.#children.add(child)
      send(child, 'SIGSTOP')
    }
  }

  thaw(pid: number): void {
    this.#end('SIGCONT')
    send(pid, 'SIGCONT')
  }

  /** Ends what was frozen without letting it run once more. The server itself is left to the caller. */
  kill(): void {
    this.#end('SIGKILL')
  }

  #end(signal: NodeJS.Signals): void {
    for (const child of this.#children) {
      send(child, signal)
      watchdog.forgetProcess(child)
    }
    this.#children.clear()
  }
}

async function listChildren(parent: number): Promise<number[]> {
  if (process.platform !== 'linux') {
    const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
    const pairs = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number))
    return pairs.filter(([, of]) => of === parent).map(([pid]) => pid!)
  }
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')))
  return pids.filter((_, index) => Number(/^\d+ \(.*\) \S (\d+)/s.exec(stats[index]!)?.[1]) === parent).map(Number)
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has ended meanwhile.
  }
}
