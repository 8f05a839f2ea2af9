/** Runs a plan's hooks: no shell, a clean environment, a time limit. */
import { spawn } from 'node:child_process'
import { CrossfadeError } from '../engines/errors.js'
import type { Hook } from '../plan/define.js'
import type { MigrationContext } from './context.js'

const DEFAULT_TIMEOUT_MS = 30_000

/** @throws {CrossfadeError} REFUSED when a hook before a switch fails, LEASE_LOST. */
export async function runHooks(context: MigrationContext, at: Hook['at']): Promise<void> {
  for (const hook of context.plan.hooks.filter((candidate) => candidate.at === at)) {
    // What a hook does outside no fence undoes: it is for the run that has the migration.
    await context.journal.readSettled(context.runEpoch)
    const startedAt = performance.now()
    const exitCode = await runHook(hook, context.plan.name)
    await context.emit({
      type: 'hook',
      command: hook.command,
      exitCode,
      durationMs: Math.round(performance.now() - startedAt),
    })
    if (exitCode !== 0 && at === 'before-switch')
      throw new CrossfadeError('REFUSED', `the hook ${hook.command} ended with ${exitCode ?? 'a signal or time-out'}`)
  }
}

/** @returns the exit code; null when it was killed, did not start or took too long. */
export function runHook(hook: Hook, plan: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(hook.command, hook.args ?? [], {
      shell: false,
      stdio: 'ignore',
      // A group of its own: a limit that ends a script must end what the script has started too.
      detached: true,
      // Secrets of Crossfade's own environment are not a hook's business.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        CROSSFADE_PLAN: plan,
        CROSSFADE_AT: hook.at,
      },
    })
    const limit = setTimeout(() => killGroup(child.pid), hook.timeoutMs ?? DEFAULT_TIMEOUT_MS)
    const end = (code: number | null): void => {
      clearTimeout(limit)
      resolve(code)
    }
    child.once('error', () => end(null))
    child.once('exit', (code) => end(code))
  })
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It has just ended.
  }
}
