/**
 * A moment at which both sides can be compared exactly while the application writes: sync is stopped, the origin is read
 * through one snapshot, and what that snapshot still has queued is applied from the snapshot itself. Afterwards the destination
 * equals the snapshot, and stays so until sync goes on.
 */
import type { Session, SideTools } from '../engines/engine.js'
import { applyChangesOnce } from './applier.js'
import type { SyncLoop } from './sync-loop.js'

/** Changes a snapshot may have queued; more means that sync is far behind and the cut should wait. */
const LARGEST_CUT = 200_000

export async function withConsistentCut<T>(
  loop: SyncLoop,
  origin: SideTools,
  destination: SideTools,
  signal: AbortSignal,
  work: (originSnapshot: Session, destinationSession: Session) => Promise<T>,
): Promise<T> {
  await loop.stop()
  const [snapshot, writing, acknowledging] = await Promise.all([
    origin.connect('snapshot'),
    destination.connect('snapshot'),
    origin.connect('snapshot'),
  ])
  try {
    return await snapshot.transaction(
      async () => {
        const changes = await origin.capture.take(snapshot, LARGEST_CUT)
        await applyChangesOnce(changes, loop.applierOn(snapshot, writing, signal))
        const ids = changes.map((change) => change.id)
        for (let start = 0; start < ids.length; start += 5000)
          await origin.capture.acknowledge(acknowledging, ids.slice(start, start + 5000))
        return work(snapshot, writing)
      },
      { snapshot: true },
    )
  } finally {
    await Promise.allSettled([snapshot.close(), writing.close(), acknowledging.close()])
    loop.start()
  }
}
