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

function runHook(hook: Hook, plan: string): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(hook.command, hook.args ?? [], {
      shell: false,
      stdio: 'ignore',
      // Secrets of Crossfade's own environment are not a hook's business.
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: process.env['HOME'] ?? '',
        CROSSFADE_PLAN: plan,
        CROSSFADE_AT: hook.at,
      },
      timeout: hook.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      killSignal: 'SIGKILL',
    })
    child.once('error', () => resolve(null))
    child.once('exit', (code) => resolve(code))
  })
}
