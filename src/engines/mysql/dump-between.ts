/**
 * The server's dump programs cannot take a snapshot of ours, and a lock that would make both begin at one moment stops all
 * writers. So one snapshot is taken before the program starts and another when it has begun to read: what is equal in both is
 * what the dump must hold.
 */
import type { DumpWitness } from '../engine.js'
import type { SideContext } from './context.js'

/** `dump` calls `onRows` when its transaction has begun. */
export async function dumpBetween(
  context: SideContext,
  dump: (signal: AbortSignal, onRows: () => void) => Promise<void>,
  witness: DumpWitness,
  signal: AbortSignal,
): Promise<void> {
  const own = new AbortController()
  const either = AbortSignal.any([signal, own.signal])
  await context.withSession('crossfade dump', (earliest) =>
    context.withSession('crossfade dump', (latest) =>
      earliest.transaction(
        async () => {
          let dumping: Promise<void> = Promise.resolve()
          await new Promise<void>((resolve) => {
            // A program that fails before it reads ends the wait as well; its error is thrown below.
            dumping = dump(either, resolve).finally(resolve)
            dumping.catch(() => undefined)
          })
          try {
            await latest.transaction(
              async () => {
                await dumping
                await witness(earliest, latest)
              },
              { snapshot: true },
            )
          } finally {
            own.abort()
            await dumping.catch(() => undefined)
          }
        },
        { snapshot: true },
      ),
    ),
  )
}

/** A watcher of output that calls `found` once, when `text` has gone by; the text may lie across two chunks. */
export function watchFor(text: string, found: () => void): (chunk: Buffer) => void {
  let isFound = false
  let tail = ''
  return (chunk) => {
    if (isFound) return
    const seen = tail + chunk.toString('latin1')
    isFound = seen.includes(text)
    tail = seen.slice(-text.length)
    if (isFound) found()
  }
}
