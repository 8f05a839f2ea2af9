/** Differences between the tables of the plan and those of the server. Pure: both are given. */
import { parseType, type ColumnSpec, type SchemaSpec, type TableSpec } from '../../plan/schema.js'
import type { Finding, Side } from '../engine.js'
import type { FoundTable } from './introspect.js'

type Tables = Readonly<Record<string, FoundTable>>

export function findDrift(side: Side, planned: SchemaSpec, found: Tables): Finding[] {
  return Object.entries(planned).flatMap(([name, table]) => {
    const there = found[name]
    return there ? tableDrift(side, name, table, there) : [missing('table', name)]
  })
}

function tableDrift(side: Side, name: string, planned: TableSpec, found: FoundTable): Finding[] {
  const findings: Finding[] = []
  for (const [column, spec] of Object.entries(planned.columns)) {
    const there = found.columns[column]
    if (there && found.generated.includes(column)) findings.push(computed(side, `${name}.${column}`, true))
    else if (there) findings.push(...columnDrift(`${name}.${column}`, spec, there, found.serverTypes[column]!))
    else findings.push(missing('column', `${name}.${column}`))
  }
  for (const column of Object.keys(found.columns)) {
    if (planned.columns[column]) continue
    if (found.generated.includes(column)) {
      if (side === 'blue') findings.push(computed(side, `${name}.${column}`, false))
      continue
    }
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

function columnDrift(name: string, planned: ColumnSpec, found: ColumnSpec, serverType: string): Finding[] {
  const findings: Finding[] = []
  if (!isKnown(found.type)) return [unknownType(name, serverType)]
  if (plainEnum(planned.type) !== found.type && !isSmallInTinyint(planned, serverType)) {
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
  if (ROUNDS.test(serverType))
    findings.push({
      code: 'rounding-column',
      severity: 'warning',
      message: `${name} is ${serverType}, which rounds what does not fit without an error`,
      hint: 'Its values come along exactly. One written on green with more digits differs on the way back, which then waits for you.',
    })
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

/** The way to carry a number in a column that looks like a boolean. */
const isSmallInTinyint = ({ type }: ColumnSpec, serverType: string): boolean =>
  type === 'smallint' && /^tinyint\(1\)/i.test(serverType)

/** Only PostgreSQL has enums by name. */
const plainEnum = (type: string): string => type.replace(/^enum \w+\(/, 'enum(')

/** Fewer digits than the plan's word for them. */
const ROUNDS = /^(?:double\(|(?:timestamp|datetime)\([1-5]\)|time(?:\([0-5]\))?$)/i

function isKnown(type: string): boolean {
  try {
    parseType(type)
    return true
  } catch {
    return false
  }
}

function unknownType(name: string, serverType: string): Finding {
  return {
    code: 'unknown-type',
    severity: 'blocking',
    message: `${name} is ${serverType}, a type that Crossfade does not carry: its values might not arrive or come back exactly`,
    hint: 'Change the column to a type of docs/data-types.md (text holds any value), or retire the table.',
  }
}

/** One that the plan leaves out is no loss: the server computes it of what comes along. */
function computed(side: Side, name: string, isPlanned: boolean): Finding {
  return isPlanned
    ? {
        code: 'generated-column',
        severity: 'blocking',
        message: `${side}.${name} is computed by the server and cannot be written`,
        hint: 'Leave it out of the schema of the plan.',
      }
    : {
        code: 'generated-column-stays',
        severity: 'warning',
        message: `blue computes ${name} itself, so it stays behind`,
        hint: 'Make green compute it too where the application reads it there.',
      }
}

function missing(what: 'table' | 'column', name: string): Finding {
  return {
    code: `missing-${what}`,
    severity: 'blocking',
    message: `the ${what} ${name} of the plan is not there`,
    hint: 'Mend the schema of the plan or make what is missing.',
  }
}
