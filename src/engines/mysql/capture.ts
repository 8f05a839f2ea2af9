/** Trigger capture. */
import type { Capture, CaptureTable, Change, InstallOptions } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import { raw, sql } from '../sql.js'
import { cascadeParents } from './cascades.js'
import type { SideContext } from './context.js'
import { readForeignKeys } from './introspect.js'
import { isSame, loggedValues, type LoggedColumn } from './logged-values.js'
import { ensureMetaDatabase, triggerName } from './meta.js'
import { quoteText } from './quote.js'
import type { MysqlSession } from './session.js'
import { dropTriggers, installTriggers, listTriggers, type Trigger } from './triggers.js'

const PURPOSES = ['capture', 'cascade'] as const
const NO_SUCH_TABLE = 1146

export function createCapture(context: SideContext): Capture {
  const { side, meta } = context
  const changes = raw(meta.changes)
  return {
    async install(tables, options) {
      const triggers = await context.withSession('crossfade capture', async (session) => {
        await ensureMetaDatabase(session, meta.database)
        await session.execute(raw(queueDdl(meta.changes)))
        return planTriggers(context, session, tables)
      })
      await installTriggers(context, triggers, PURPOSES, options)
      const wanted = new Set(triggers.map(({ name }) => name))
      const installed = await context.withSession('crossfade capture', (session) =>
        listTriggers(context, session, ...PURPOSES),
      )
      await dropTriggers(
        context,
        installed.filter(({ name }) => !wanted.has(name)),
        options,
      )
    },
    async remove() {
      await removeTriggers(context, {})
      await context.withSession('crossfade capture', async (session) => {
        await session.execute(raw(`DROP TABLE IF EXISTS ${meta.changes}`)).catch(ignoreNoDatabase)
      })
    },
    async take(session, limit) {
      const rows = await session.query(
        sql`SELECT id, tbl, before_values, after_values FROM ${changes} ORDER BY id LIMIT ${raw(String(Math.trunc(limit)))}`,
      )
      return rows.map(([id, table, before, after]): Change => ({
        id: String(id),
        table: String(table),
        before: parseValues(before),
        after: parseValues(after),
        isTruncate: false,
      }))
    },
    async acknowledge(session, ids) {
      if (ids.length === 0) return
      const numbers = ids.map((id) => {
        if (!/^\d+$/.test(id)) throw new TypeError(`"${id}" is no change of ${side}`)
        return id
      })
      // Row by row through the key. For `id IN (...)` the optimizer scans a short queue, and a scan waits for the lock of every row
      // that a transaction of the application has not committed yet.
      const wanted = sql`JSON_TABLE(${`[${numbers.join(',')}]`}, '$[*]' COLUMNS (id BIGINT UNSIGNED PATH '$')) AS w`
      await session.execute(
        sql`DELETE c FROM ${wanted} STRAIGHT_JOIN ${changes} AS c FORCE INDEX (PRIMARY) ON c.id = w.id`,
      )
    },
    async lag(session) {
      const oldest = sql`SELECT TIMESTAMPDIFF(MICROSECOND, at, NOW(6)) DIV 1000 FROM ${changes} ORDER BY id LIMIT 1`
      const [row] = await session.query(sql`SELECT (SELECT COUNT(*) FROM ${changes}), (${oldest})`)
      return { changes: Number(row![0]), ageMs: Math.max(0, Number(row![1] ?? 0)) }
    },
  }
}

export async function removeTriggers(context: SideContext, options: InstallOptions): Promise<void> {
  const triggers = await context.withSession('crossfade capture', (session) =>
    listTriggers(context, session, ...PURPOSES),
  )
  await dropTriggers(context, triggers, options)
}

async function planTriggers(
  context: SideContext,
  session: MysqlSession,
  tables: readonly CaptureTable[],
): Promise<Trigger[]> {
  const { side, meta, location } = context
  const captured = await loggedColumns(context, session, tables)
  const triggers: Trigger[] = [...captured].flatMap(([table, columns]) => rowTriggers(context, table, columns))
  const foreignKeys = await readForeignKeys(session, location.namespace)
  for (const parent of cascadeParents({
    namespace: location.namespace,
    foreignKeys,
    captured,
    changes: meta.changes,
  })) {
    const name = triggerName(side, 'cascade', parent.event, parent.table)
    triggers.push({ name, table: parent.table, timing: 'BEFORE', event: parent.event, body: parent.body })
  }
  return triggers
}

function rowTriggers({ side, meta }: SideContext, table: string, columns: readonly LoggedColumn[]): Trigger[] {
  const insert = `INSERT INTO ${meta.changes} (tbl, before_values, after_values) VALUES (${quoteText(table)}, `
  const [before, after] = [loggedValues(columns, 'OLD'), loggedValues(columns, 'NEW')]
  const body = (statements: string) => `BEGIN\nIF @crossfade_sync IS NULL THEN\n${statements}\nEND IF;\nEND`
  const trigger = (event: Trigger['event'], statements: string): Trigger => ({
    name: triggerName(side, 'capture', event, table),
    table,
    timing: 'AFTER',
    event,
    body: body(statements),
  })
  return [
    trigger('INSERT', `${insert}NULL, ${after});`),
    // An update that keeps key and routing needs to be named once only.
    trigger('UPDATE', `${insert}IF(${isSame(columns)}, NULL, ${before}), ${after});`),
    trigger('DELETE', `${insert}${before}, NULL);`),
  ]
}

async function loggedColumns(
  { location, side }: SideContext,
  session: MysqlSession,
  tables: readonly CaptureTable[],
): Promise<ReadonlyMap<string, readonly LoggedColumn[]>> {
  const rows = await session.query(
    sql`SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = ${location.namespace}`,
  )
  const types = new Map(rows.map(([table, column, type]) => [`${String(table)}.${String(column)}`, String(type)]))
  return new Map(
    tables.map(({ table, columns }) => [
      table,
      columns.map((name) => {
        const dataType = types.get(`${table}.${name}`)
        if (dataType === undefined) throw new CrossfadeError('REFUSED', `${side} has no column ${table}.${name}`)
        return { name, dataType }
      }),
    ]),
  )
}

function queueDdl(changes: string): string {
  const text = 'LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NULL'
  return (
    `CREATE TABLE IF NOT EXISTS ${changes} (id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, ` +
    `tbl VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, before_values ${text}, after_values ${text}, ` +
    `at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6)) ENGINE=InnoDB`
  )
}

function parseValues(value: unknown): readonly (string | null)[] | undefined {
  return value === null ? undefined : (JSON.parse(String(value)) as (string | null)[])
}

/** ER_BAD_DB_ERROR: the meta database has gone, and the queue with it. */
export function ignoreNoDatabase(error: unknown): void {
  const errno =
    error instanceof CrossfadeError && error.cause instanceof Error && 'errno' in error.cause ? error.cause.errno : 0
  if (errno !== 1049 && errno !== NO_SUCH_TABLE) throw error
}
