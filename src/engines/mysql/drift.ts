/** Differences between the tables of the plan and those of the server. Pure: both are given. */
import type { ColumnSpec, SchemaSpec, TableSpec } from '../../plan/schema.js'
import type { Finding, Side } from '../engine.js'

type Tables = Readonly<Record<string, TableSpec>>

export function findDrift(side: Side, planned: SchemaSpec, found: Tables): Finding[] {
  return Object.entries(planned).flatMap(([name, table]) => {
    const there = found[name]
    return there ? tableDrift(side, name, table, there) : [missing('table', name)]
  })
}

function tableDrift(side: Side, name: string, planned: TableSpec, found: TableSpec): Finding[] {
  const findings: Finding[] = []
  for (const [column, spec] of Object.entries(planned.columns)) {
    const there = found.columns[column]
    if (there) findings.push(...columnDrift(`${name}.${column}`, spec, there))
    else findings.push(missing('column', `${name}.${column}`))
  }
  for (const column of Object.keys(found.columns)) {
    if (planned.columns[column]) continue
    findings.push({
      code: 'unknown-column',
      // What the plan does not know of blue would be left behind without a word.
      severity: side === 'blue' ? 'blocking' : 'warning',
      message: `${side} has the column ${name}.${column}, which the plan does not know`,
      hint: 'Add the column to the schema of the plan and say where it goes.',
    })
  }
  if (planned.primaryKey.join() !== found.primaryKey.join()) {
    findings.push({
      code: 'other-primary-key',
      severity: 'blocking',
      message: `the primary key of ${name} is (${found.primaryKey.join(', ')}), the plan says (${planned.primaryKey.join(', ')})`,
      hint: 'Mend the schema of the plan or the table.',
    })
  }
  return findings
}

function columnDrift(name: string, planned: ColumnSpec, found: ColumnSpec): Finding[] {
  const findings: Finding[] = []
  if (planned.type !== found.type) {
    // Old tables often hold JSON without saying so; values are checked when they are copied.
    const isJsonInText = planned.type === 'json' && found.type === 'text'
    findings.push({
      code: 'other-type',
      severity: isJsonInText ? 'warning' : 'blocking',
      message: `${name} is ${found.type}, the plan says ${planned.type}`,
      hint: isJsonInText
        ? 'Rows that are no valid JSON fail when they are copied.'
        : 'Mend the schema of the plan or the column.',
    })
  }
  if (planned.notNull && !found.notNull) {
    findings.push({
      code: 'nullable',
      severity: 'warning',
      message: `${name} takes NULL, the plan says it does not`,
      hint: 'Mend the schema of the plan or the column; a row with NULL there fails when it is copied.',
    })
  }
  return findings
}

function missing(what: 'table' | 'column', name: string): Finding {
  return {
    code: `missing-${what}`,
    severity: 'blocking',
    message: `the ${what} ${name} of the plan is not there`,
    hint: 'Mend the schema of the plan or make what is missing.',
  }
}
