/** A plan against the databases it is for: everything that would stop the migration, or that somebody should know before it. */
import type { Finding, Session, Side, SideTools } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import { raw, sql } from '../engines/sql.js'
import { checkHeadroom, keyBands } from './key-headroom.js'
import { Compiler } from './compile.js'
import { jsonColumnsInJson, type NestedColumn } from './json-null.js'
import { findSlowRoutes } from './slow-routes.js'
import type { Plan } from './plan.js'
import { checkQuestions } from './questions.js'

/** A finding and the side it is about. */
export interface LiveFinding extends Finding {
  readonly side: Side
}

/** What was found and what to do about it, in one line. */
export const findingText = ({ message, hint }: Finding): string => `${message.replace(/\.$/, '')}. ${hint}`

/**
 * Reads only, and looks at everything even where something was found. Where blue is not as the plan says, its rows are not looked
 * at: the questions about them would fail.
 */
export async function checkLive(plan: Plan, blue: SideTools, green: SideTools): Promise<LiveFinding[]> {
  const own = { blue: await blue.preflight(plan.blue), green: await green.preflight(plan.green) }
  return withSession(blue, (blueSession) =>
    withSession(green, async (greenSession) => {
      const drift = await blue.schema.drift(blueSession, plan.blue)
      const isReadable = drift.every(({ severity }) => severity !== 'blocking')
      return [
        ...of('blue', [...own.blue, ...drift]),
        ...of('green', [...own.green, ...(await checkGreen(plan, green, greenSession))]),
        ...(isReadable
          ? [
              ...of('blue', await checkQuestions(plan, 'blue', blueSession)),
              ...(await checkRows(plan, blue, green, blueSession)),
            ]
          : of('blue', [notLookedAt])),
      ]
    }),
  )
}

const notLookedAt: Finding = {
  code: 'rows-not-checked',
  severity: 'warning',
  message: 'keys and rows of blue were not looked at, as its tables are not those of the plan',
  hint: 'Mend the differences above and check again.',
}

/** Tables that are there already must be those of the plan, and empty unless Crossfade has begun to fill them. */
async function checkGreen(plan: Plan, green: SideTools, session: Session): Promise<Finding[]> {
  const found = await green.schema.introspect(session)
  const there = Object.fromEntries(Object.entries(plan.green).filter(([table]) => found[table] !== undefined))
  if (Object.keys(there).length === 0) return []
  return [...(await green.schema.drift(session, there)), ...(await checkGreenRows(plan, green, session))]
}

/** Rows of somebody else. Where a fence stands, the tables are ours. */
export async function checkGreenRows(plan: Plan, green: SideTools, session: Session): Promise<Finding[]> {
  if (await green.fence.exists()) return []
  const found = await green.schema.introspect(session)
  const filled: string[] = []
  for (const table of Object.keys(plan.green).filter((name) => found[name] !== undefined)) {
    const name = green.dialect.qualify(green.location.namespace, table)
    if ((await session.query(raw(`SELECT 1 FROM ${name} LIMIT 1`))).length > 0) filled.push(table)
  }
  if (filled.length === 0) return []
  return [
    {
      code: 'green-not-empty',
      severity: 'blocking',
      message: `green has rows that Crossfade did not write, in ${filled.join(', ')}`,
      hint: 'Empty these tables or give another database: rows that come from nowhere would read as differences.',
    },
  ]
}

async function checkRows(plan: Plan, blue: SideTools, green: SideTools, session: Session): Promise<LiveFinding[]> {
  const compiler = new Compiler(plan, {
    blue: { dialect: blue.dialect, namespace: blue.location.namespace },
    green: { dialect: green.dialect, namespace: green.location.namespace },
  })
  const headroom: Finding[] = []
  for (const band of keyBands(plan)) headroom.push(...(await checkHeadroom(band, compiler, session)))
  const leftovers: Finding[] = []
  for (const { table, hasLeftover } of plan.coverage)
    if (hasLeftover) leftovers.push(...(await countLeftover(table, compiler, session)))
  const nulls: Finding[] = []
  for (const column of jsonColumnsInJson(plan)) nulls.push(...(await countJsonNulls(column, blue, session)))
  const indexes = { blue: await blue.schema.introspect(session), green: plan.green }
  const rowCount = async (side: Side, table: string): Promise<number | undefined> =>
    side === 'blue' ? Number((await session.query(compiler.countAll('blue', table)))[0]?.[0]) : undefined
  return [...of('blue', [...headroom, ...leftovers, ...nulls]), ...(await findSlowRoutes(plan, indexes, rowCount))]
}

/** Rows that no map and no fold takes. They are archived, so this is a warning and never silence. */
async function countLeftover(table: string, compiler: Compiler, session: Session): Promise<Finding[]> {
  try {
    const [row] = await session.query(compiler.leftover(table, raw('COUNT(*)')))
    const count = String(row?.[0] ?? '0')
    if (count === '0') return []
    return [
      {
        code: 'leftover-rows',
        severity: 'warning',
        message: `${count} rows of ${table} fit nowhere in green`,
        hint: 'They go to the archive and the report. Mend them on blue or widen the plan if they should come along.',
      },
    ]
  } catch (error) {
    // A filter may use a function that Crossfade installs only when a migration begins.
    if (!(error instanceof CrossfadeError) || error.code !== 'STATEMENT_FAILED') throw error
    return [
      {
        code: 'leftover-unknown',
        severity: 'warning',
        message: `rows of ${table} that fit nowhere could not be counted: ${error.message}`,
        hint: 'They are counted when they are archived.',
      },
    ]
  }
}

/** Inside of JSON a JSON null cannot be told from a value that is not there: it would come back as NULL. */
async function countJsonNulls({ table, column }: NestedColumn, blue: SideTools, session: Session): Promise<Finding[]> {
  const { dialect, location } = blue
  const text = dialect.canonical(raw(dialect.quote(column)), 'json')
  const from = raw(dialect.qualify(location.namespace, table))
  const [row] = await session.query(sql`SELECT COUNT(*) FROM ${from} WHERE TRIM(${text}) = 'null'`)
  const count = String(row?.[0] ?? '0')
  if (count === '0') return []
  return [
    {
      code: 'json-null',
      severity: 'blocking',
      message: `${count} rows of ${table} hold JSON null in ${column}, which the plan puts into JSON: they would come back as NULL`,
      hint: `Make them NULL on blue, or give ${column} a column of its own in green.`,
    },
  ]
}

function of(side: Side, findings: readonly Finding[]): LiveFinding[] {
  return findings.map((finding) => ({ ...finding, side }))
}

async function withSession<T>(side: SideTools, work: (session: Session) => Promise<T>): Promise<T> {
  const session = await side.connect('check')
  try {
    return await work(session)
  } finally {
    await session.close()
  }
}
