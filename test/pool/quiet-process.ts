/** An application that listens to nothing: whatever happens to its pool, it lives. Prints a line at the end. */
import { createPool } from '../../src/pool/index.ts'
import { until } from './support.ts'

const { url, nowhere, ownIds, kill } = JSON.parse(process.argv[2]!) as Record<string, string>
let isWarned = false
process.once('warning', () => {
  isWarned = true
})
const pool = createPool({ url, min: 2, max: 3, leakAfterMs: 50 })
const unreachable = createPool({ url: nowhere, min: 2, acquireTimeoutMs: 300, connectTimeoutMs: 200 })
const journalless = createPool({ blue: url, green: url, journal: nowhere, acquireTimeoutMs: 300 })

// Connections that die while idle.
await until(() => pool.stats().idle === 2)
const killer = await pool.connection()
const { rows } = await killer.query<{ id: number }>(ownIds!)
for (const { id } of rows) await killer.query(kill!.replace('$id', String(id))).catch(() => undefined)
await until(() => pool.stats().closed.died > 0)

// Errors that nobody waits for, or only later.
const failures = [unreachable, journalless].map((other) => other.query('SELECT 1'))
const outcomes = await Promise.allSettled(failures)
const controller = new AbortController()
const aborted = pool.query('SELECT 1', [], { signal: controller.signal })
controller.abort()
await aborted.catch(() => undefined)

// A leak without a listener, and the end of everything while it lasts.
await until(() => isWarned)
await Promise.all([pool.end({ drainMs: 50 }), unreachable.end(), journalless.end({ drainMs: 50 })])
await new Promise((resolve) => {
  setTimeout(resolve, 100)
})
console.log(`alive after ${outcomes.filter(({ status }) => status === 'rejected').length} failures`)
