/** The plan against the databases: drift, permissions, headroom of the key bands, rows that fit nowhere. Changes nothing. */
import type { Finding, Session, Side, SideTools } from '../engines/engine.js'
import { raw, sql } from '../engines/sql.js'
import { Compiler } from './compile.js'
import type { Plan } from './plan.js'

export type SideFinding = Finding & { readonly side: Side }

export async function checkLive(plan: Plan, blue: SideTools, green: SideTools): Promise<SideFinding[]> {
  const compiler = new Compiler(plan, {
    blue: { dialect: blue.dialect, namespace: blue.location.namespace },
    green: { dialect: green.dialect, namespace: green.location.namespace },
  })
  await using session = await blue.connect('check')
  const of = (side: Side, findings: readonly Finding[]): SideFinding[] => findings.map((finding) => ({ side, ...finding }))
  const drift = await blue.schema.drift(session, plan.blue)
  const found = [...of('blue', await blue.preflight(plan.blue)), ...of('blue', drift), ...of('green', await green.preflight({}))]
  // Reading tables that are not as the plan says would only fail with the server's words.
  if (drift.some((finding) => finding.severity === 'blocking')) return found
  return [...found, ...of('blue', await checkBands(plan, compiler, session)), ...of('blue', await countLeftovers(plan, compiler, session))]
}

/** Keys of mapped tables must lie below the bands that other tables' keys are moved to. */
async function checkBands(plan: Plan, compiler: Compiler, session: Session): Promise<Finding[]> {
  const findings: Finding[] = []
  const { base, birthLine } = plan.bands
  for (const projection of plan.forward) {
    const arm = projection.arms[0]!
    const [pair] = projection.owned
    const key = arm.scope[0]!
    if (projection.merge || !plan.blue[arm.driving]!.columns[key]!.type.startsWith('bigint') || !pair) continue
    const [row] = await session.query(sql`SELECT MAX(${raw(session.dialect.quote(key))}) FROM ${compiler.table('blue', arm.driving)}`)
    const greatest = row?.[0]
    if (greatest === null || greatest === undefined) continue
    const keyExpr = pair[1]
    const slots = keyExpr.op === 'key' && keyExpr.key.type === 'interleave' ? BigInt(keyExpr.key.slots) : undefined
    const limit = slots ? (BigInt(birthLine) - BigInt(base)) / slots : BigInt(base)
    if (BigInt(String(greatest)) >= limit)
      findings.push({
        code: 'key-out-of-band',
        severity: 'blocking',
        message: `"${arm.driving}.${key}" reaches ${String(greatest)}, and its band ends at ${limit}.`,
        hint: 'Raise base and birthLine of the plan.',
      })
  }
  return findings
}

async function countLeftovers(plan: Plan, compiler: Compiler, session: Session): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const coverage of plan.coverage) {
    if (coverage.kind === 'retire' || !coverage.hasLeftover) continue
    const rows = String((await session.query(compiler.leftover(coverage.table, raw('COUNT(*)'))))[0]?.[0] ?? '0')
    if (rows !== '0')
      findings.push({
        code: 'rows-left-over',
        severity: 'warning',
        message: `${rows} rows of "${coverage.table}" fit nowhere in green and go to the archive.`,
        hint: 'Look at them, or change the filter of the plan.',
      })
  }
  return findings
}
