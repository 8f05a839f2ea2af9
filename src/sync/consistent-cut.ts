/**
 * A moment at which both sides can be compared exactly while the application writes: sync is stopped, the origin is read
 * through one snapshot, and what that snapshot still has queued is applied from the snapshot itself. Afterwards the destination
 * equals the snapshot, and stays so until sync goes on.
 */
import type { Session, SideTools } from '../engines/engine.js'
import { applyChangesOnce } from './applier.js'
import type { SyncLoop } from './sync-loop.js'

/** Changes that a cut carries. More, e.g. of one bulk update: sync brings them, and the cut is tried again. */
const LARGEST_CUT = 200_000

export async function withConsistentCut<T>(
  loop: SyncLoop,
  origin: SideTools,
  destination: SideTools,
  signal: AbortSignal,
  work: (originSnapshot: Session, destinationSession: Session) => Promise<T>,
): Promise<T> {
  for (;;) {
    // A backlog is sync's work, batch by batch: the cut carries the rest, and sync stands still for it as short as can be.
    loop.start()
    await loop.settle(signal)
    const cut = await tryCut(loop, origin, destination, signal, work)
    if (cut.isWhole) return cut.result
  }
}

async function tryCut<T>(
  loop: SyncLoop,
  origin: SideTools,
  destination: SideTools,
  signal: AbortSignal,
  work: (originSnapshot: Session, destinationSession: Session) => Promise<T>,
): Promise<{ readonly isWhole: false } | { readonly isWhole: true; readonly result: T }> {
  await loop.stop()
  const [snapshot, writing, acknowledging] = await Promise.all([
    origin.connect('snapshot'),
    destination.connect('snapshot'),
    origin.connect('snapshot'),
  ])
  try {
    return await snapshot.transaction(
      async () => {
        const changes = await origin.capture.take(snapshot, LARGEST_CUT + 1)
        if (changes.length > LARGEST_CUT) return { isWhole: false }
        await applyChangesOnce(changes, loop.applierOn(snapshot, writing, signal))
        const ids = changes.map((change) => change.id)
        for (let start = 0; start < ids.length; start += 5000)
          await origin.capture.acknowledge(acknowledging, ids.slice(start, start + 5000))
        return { isWhole: true, result: await work(snapshot, writing) }
      },
      { snapshot: true },
    )
  } finally {
    await Promise.allSettled([snapshot.close(), writing.close(), acknowledging.close()])
    loop.start()
  }
}
