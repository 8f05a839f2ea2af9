import type { Session } from '../engine.js'
import { sql } from '../sql.js'

/** A replica that is idle and in step reports no lag at all: that is none. */
export async function readLoad(session: Session): Promise<{ replicaLagMs: number | null; runningQueries: number }> {
  const [row] = await session.query(sql`SELECT
    (SELECT max(coalesce(extract(epoch FROM replay_lag) * 1000, 0)) FROM pg_stat_replication
      WHERE state = 'streaming' AND application_name NOT LIKE 'crossfade/%'
        AND NOT EXISTS (SELECT 1 FROM pg_replication_slots s WHERE s.active_pid = pid AND s.slot_type = 'logical')),
    (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend'
      AND application_name NOT LIKE 'crossfade/%' AND pid <> pg_backend_pid())`)
  const [lag, running] = row!
  return { replicaLagMs: lag === null ? null : Number(lag), runningQueries: Number(running) }
}
