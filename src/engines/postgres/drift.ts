/** Differences between the tables of the plan and those of the server. Pure: both are given. */
import { parseType, type ColumnType, type SchemaSpec, type TableSpec } from '../../plan/schema.js'
import type { Finding, Side } from '../engine.js'
import { columnTypeOf, type FoundTable } from './introspect.js'
import { ddlType, isNativeEnum, missingType } from './types.js'

export function findDrift(side: Side, planned: SchemaSpec, found: Readonly<Record<string, FoundTable>>): Finding[] {
  const known = Object.entries(planned).flatMap(([name, table]) => {
    const there = found[name]
    return there ? tableDrift(side, name, table, there) : [missing('table', name)]
  })
  const unknown = side === 'blue' ? Object.keys(found).filter((name) => !planned[name]) : []
  return [...known, ...unknown.map(unknownTable)]
}

function tableDrift(
  side: Side,
  name: string,
  planned: TableSpec,
  { spec, serverTypes, generated }: FoundTable,
): Finding[] {
  const findings: Finding[] = []
  for (const [column, { type, notNull }] of Object.entries(planned.columns)) {
    const there = spec.columns[column]
    const place = `${name}.${column}`
    if (!there) {
      findings.push(missing('column', place))
      continue
    }
    findings.push(...typeDrift(place, type, serverTypes[column]!, there.type))
    if (notNull && !there.notNull) findings.push(nullable(place))
  }
  for (const column of Object.keys(spec.columns)) {
    if (planned.columns[column]) continue
    if (generated.includes(column)) {
      if (side === 'blue') findings.push(computed(`${name}.${column}`))
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
  if (planned.primaryKey.join() !== spec.primaryKey.join()) {
    findings.push({
      code: 'other-primary-key',
      severity: 'blocking',
      message: `the primary key of ${name} is (${spec.primaryKey.join(', ')}), the plan says (${planned.primaryKey.join(', ')})`,
      hint: 'Mend the schema of the plan or the table.',
    })
  }
  return findings
}

function typeDrift(place: string, planned: ColumnType, serverType: string, found: ColumnType): Finding[] {
  // Preflight tells of it.
  if (missingType(planned) !== undefined) return []
  if (isNativeEnum(found) ? planned === found : holds(planned, serverType)) return []
  const isJsonInText = planned === 'json' && serverType === 'text'
  if (parsed(columnTypeOf(serverType)) === undefined && serverType !== 'numeric' && parsed(found)?.name === undefined)
    return [unknownType(place, serverType)]
  return [
    {
      code: 'other-type',
      severity: isJsonInText ? 'warning' : 'blocking',
      message: isNativeEnum(found)
        ? `${place} is ${found}, the plan says ${planned}`
        : `${place} is ${serverType}, the plan says ${planned} (${ddlType(planned)})`,
      hint: isJsonInText
        ? 'Rows that are no valid JSON fail when they are copied.'
        : 'Mend the schema of the plan or the column.',
    },
  ]
}

/** True where the column takes every value of the planned type and reads as one. A wider column does. */
function holds(planned: ColumnType, serverType: string): boolean {
  const wanted = parseType(planned)
  if (serverType === 'numeric') return wanted.kind === 'decimal'
  const found = parsed(columnTypeOf(serverType))
  if (!found || wanted.name !== undefined) return false
  if (wanted.kind === 'array') return found.kind === 'array' && holdsElements(wanted.element!, serverType.slice(0, -2))
  const family = (kind: string) => (['char', 'varchar', 'text', 'enum'].includes(kind) ? 'text' : kind)
  const integers = ['smallint', 'int', 'bigint']
  if (integers.includes(wanted.kind)) {
    const needed = wanted.isUnsigned && wanted.kind === 'int' ? 'bigint' : wanted.kind
    return integers.indexOf(found.kind) >= integers.indexOf(needed)
  }
  if (family(wanted.kind) !== family(found.kind)) return false
  if (wanted.kind === 'decimal') {
    const digits = (type: typeof wanted) => type.precision! - type.scale!
    return found.scale! >= wanted.scale! && digits(found) >= digits(wanted)
  }
  if (wanted.kind === 'bit') return found.length === wanted.length
  if (family(wanted.kind) === 'text' || wanted.kind === 'varbit')
    return (found.length ?? Infinity) >= (wanted.length ?? longest(wanted.values))
  return (found.scale ?? 0) >= (wanted.scale ?? 0)
}

/** Digits of elements are not looked at, so that they must be those of the plan. */
function holdsElements(planned: ColumnType, serverType: string): boolean {
  return holds(planned, serverType) && (!planned.startsWith('decimal') || columnTypeOf(serverType) === planned)
}

/** Of an enum; a text without a limit has none. */
function longest(values: readonly string[]): number {
  return values.length === 0 ? Infinity : Math.max(...values.map((value) => value.length))
}

function parsed(type: string): ReturnType<typeof parseType> | undefined {
  try {
    return parseType(type)
  } catch {
    return undefined
  }
}

function unknownType(place: string, serverType: string): Finding {
  return {
    code: 'unknown-type',
    severity: 'blocking',
    message: `${place} is ${serverType}, a type that Crossfade does not carry: its values might not arrive or come back exactly`,
    hint: 'Change the column to a type of docs/data-types.md (text holds any value), or retire the table.',
  }
}

function nullable(place: string): Finding {
  return {
    code: 'nullable',
    severity: 'warning',
    message: `${place} takes NULL, the plan says it does not`,
    hint: 'Mend the schema of the plan or the column; a row with NULL there fails when it is copied.',
  }
}

/** Nothing of it is lost: the server computes it of what comes along. */
function computed(place: string): Finding {
  return {
    code: 'generated-column-stays',
    severity: 'warning',
    message: `blue computes ${place} itself, so it stays behind`,
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

function unknownTable(name: string): Finding {
  return {
    code: 'unknown-table',
    severity: 'warning',
    message: `blue has the table ${name}, which the plan does not know: it is left where it is`,
    hint: 'Add the table to the plan, if only to retire it, or leave it.',
  }
}
