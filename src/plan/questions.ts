/** Hand-written SQL of a plan, invariants and probes: its text for an engine, its parameters, and whether a side can be asked it at all. */
import type { EngineName, Finding, Session, Side } from '../engines/engine.js'
import { CrossfadeError } from '../engines/errors.js'
import { Sql, sql } from '../engines/sql.js'
import type { EngineSql } from './define.js'
import type { Plan } from './plan.js'

/** The text for an engine; MariaDB falls back to MySQL's. */
export function sqlFor(engine: EngineName, text: EngineSql): string {
  return text[engine] ?? text.mysql
}

/** The statements of a probe. */
export const statementsOf = (text: string): string[] =>
  text
    .split(/;\s*(?:\n|$)/)
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '')

/** `:name` becomes a bound value; `::type` casts and quoted texts stay. */
export function bind(statement: string, parameters: Readonly<Record<string, string | null>>): Sql {
  const texts: string[] = ['']
  const values: (string | null)[] = []
  for (const [piece] of statement.matchAll(/'(?:[^']|'')*'|::|:[a-zA-Z_][a-zA-Z0-9_]*|[^':]+|[':]/g)) {
    const name = /^:([a-zA-Z_]\w*)$/.exec(piece)?.[1]
    if (name !== undefined && Object.hasOwn(parameters, name)) {
      values.push(parameters[name]!)
      texts.push('')
    } else texts[texts.length - 1] += piece
  }
  return new Sql(texts, values)
}

/**
 * What a side cannot be asked: a function, table or column that it does not have would else show at the switch. Nothing is executed.
 * Green must have its tables.
 */
export async function checkQuestions(plan: Plan, side: Side, session: Session): Promise<Finding[]> {
  const { engine } = session.dialect
  const questions: { readonly what: string; readonly statement: Sql }[] = []
  for (const invariant of plan.invariants)
    questions.push({ what: `the invariant "${invariant.name}"`, statement: bind(sqlFor(engine, invariant[side]), {}) })
  for (const probe of plan.probes) {
    const what = `the probe "${probe.name}"`
    const parameters = Object.entries(probe.parameters ?? {})
    if (side === 'blue')
      for (const [, question] of parameters) questions.push({ what, statement: bind(sqlFor(engine, question), {}) })
    const unknown = Object.fromEntries(parameters.map(([name]) => [name, null]))
    for (const text of statementsOf(sqlFor(engine, probe[side])))
      questions.push({ what, statement: bind(text, unknown) })
  }
  const findings: Finding[] = []
  for (const { what, statement } of questions) {
    const message = await whyNot(session, statement)
    if (message === undefined) continue
    findings.push({
      code: 'impossible-question',
      severity: 'blocking',
      message: `${what} cannot be asked on ${side}: ${message}`,
      hint: 'Mend its SQL in the plan.',
    })
  }
  return findings
}

async function whyNot(session: Session, statement: Sql): Promise<string | undefined> {
  // Others, SHOW for example, cannot be explained.
  if (!/^[\s(]*(?:select|with)\b/i.test(statement.texts[0]!)) return undefined
  try {
    await session.query(sql`EXPLAIN ${statement}`)
    return undefined
  } catch (error) {
    // The rights to explain are not those to ask: a view needs more.
    if (!(error instanceof CrossfadeError) || error.code !== 'STATEMENT_FAILED') {
      if (error instanceof CrossfadeError && error.code === 'PERMISSION_DENIED') return undefined
      throw error
    }
    return error.message
  }
}
