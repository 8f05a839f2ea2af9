/** An orchestrator that stops in the middle of its work, as one does whose machine sleeps or is cut off. */
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Shop } from './shop.js'
import { watch, type Watched } from './watch.js'

export interface Stopped extends Watched {
  readonly place: string
  /** It goes on from where it was. @returns its end. */
  wake(): Watched['result']
}

/** Starts a command and waits until it has stopped itself at a place of the program. */
export async function stopAt(shop: Shop, place: string, args: readonly string[]): Promise<Stopped> {
  const run = watch(shop.spawn([...args, '--json'], { CROSSFADE_STOP_AT: place }))
  let ended: string | undefined
  void run.result.then(({ exitCode, stdout, stderr }) => {
    ended = `ended with ${exitCode} instead of stopping at ${place}: ${stdout.slice(-3000)}${stderr}`
  })
  while (!isStopped(run.child.pid!)) {
    expect(ended).toBeUndefined()
    await delay(20)
  }
  return {
    ...run,
    place,
    wake: () => {
      run.child.kill('SIGCONT')
      return run.result
    },
  }
}

/** `T` in the third field; the second, the name, may hold spaces in its brackets. */
function isStopped(pid: number): boolean {
  try {
    return (
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .charAt(0) === 'T'
    )
  } catch {
    return false
  }
}
