import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Server } from './server.ts'

/** SIGSTOP or SIGCONT to a server and all its processes: PostgreSQL's go on while only the one is stopped that started them. */
export async function signalAll(server: Server, signal: 'SIGSTOP' | 'SIGCONT'): Promise<void> {
  const { pid } = server
  if (pid === undefined) throw new Error(`${server.how} has no process here`)
  // First, so that no more children come.
  process.kill(pid, signal)
  const { stdout } = await promisify(execFile)('ps', ['-A', '-o', 'pid=,ppid='])
  for (const line of stdout.split('\n')) {
    const [child, parent] = line.trim().split(/\s+/).map(Number)
    if (parent === pid) signalIfThere(child!, signal)
  }
}

function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    // It may have ended since it was listed.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
