/** Somebody else changes a schema in the middle, and later takes it back. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Side } from '../../../src/engines/engine.js'
import type { ServerEngine } from '../../servers/server.js'
import type { Fault } from './fault.js'

interface Change {
  readonly statements: (engine: ServerEngine) => readonly string[]
  readonly undo: readonly string[]
}

const CHANGES: readonly Change[] = [
  {
    statements: () => ['ALTER TABLE orders ADD COLUMN added_by_somebody int'],
    undo: ['ALTER TABLE orders DROP COLUMN added_by_somebody'],
  },
  {
    statements: () => [`ALTER TABLE shops ADD COLUMN added_by_somebody varchar(20) DEFAULT 'x' NOT NULL`],
    undo: ['ALTER TABLE shops DROP COLUMN added_by_somebody'],
  },
  { statements: () => ['CREATE INDEX made_by_somebody ON orders (cents)'], undo: [] },
  {
    statements: (engine) =>
      engine === 'postgres'
        ? ['BEGIN', 'LOCK TABLE orders IN ACCESS EXCLUSIVE MODE', 'SELECT pg_sleep(1)', 'COMMIT']
        : ['LOCK TABLES orders WRITE', 'SELECT SLEEP(1)', 'UNLOCK TABLES'],
    undo: [],
  },
  {
    statements: (engine) =>
      engine === 'postgres' ? ['VACUUM FULL orders', 'ANALYZE'] : ['OPTIMIZE TABLE orders', 'ANALYZE TABLE orders'],
    undo: [],
  },
]

export const ddl: Fault = {
  strike: async ({ draw, stage, note }) => {
    const side: Side = draw.target === 'green' ? 'green' : 'blue'
    const change = CHANGES[Math.floor(draw.variant * CHANGES.length)]!
    // Green's tables may not be there yet, or be there no more.
    const give = async (statements: readonly string[]): Promise<void> => {
      if (statements.length > 0)
        await stage.sql(side, ...statements).catch((error: unknown) => note(`ddl: ${String(error)}`))
    }
    await give(change.statements(draw.engine))
    await delay(draw.durationMs)
    await give(change.undo)
  },
}
