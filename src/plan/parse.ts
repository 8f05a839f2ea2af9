/** Reads a plan as its author wrote it and reports every problem at once. */
import { z } from 'zod'
import { CrossfadeError } from '../engines/errors.js'
import { buildForward } from './forward.js'
import { checkNarrowing } from './narrowing.js'
import { buildReverse } from './reverse.js'
import { resolveDispositions } from './dispositions.js'
import { orderByDependency } from './dependencies.js'
import type { PlanDefinition } from './define.js'
import { DEFAULT_BANDS, DEFAULT_LIMITS, type Limits, type Plan, type PlanProblem } from './plan.js'
import { Problems } from './problems.js'
import type { IndexSpec, SchemaSpec } from './schema.js'
import { fits, schemaShape } from './shapes.js'
import { notInKeys } from './type-facts.js'

const digits = z.string().regex(/^[1-9][0-9]{0,17}$/, 'must be an integer in digits, below 10^18')
const positive = z.number().finite().positive()
const engineSql = z.object({
  postgres: z.string().min(1),
  mysql: z.string().min(1),
  mariadb: z.string().min(1).optional(),
})

/** The parts of a plan that are plain values; the tables are read by {@link resolveDispositions}. */
const headSchema = z.object({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,40}$/, 'must be lower-case letters, digits and dashes, at most 41'),
  bands: z.object({ base: digits.optional(), birthLine: digits.optional() }).strict().optional(),
  limits: z
    .object({
      holdBudgetMs: positive.max(30_000).optional(),
      switchAttempts: z.number().int().min(1).max(1000).optional(),
      switchPauseMs: z.number().min(0).optional(),
      maxLagMs: positive.optional(),
      maxVerificationAgeMs: positive.optional(),
      soakMs: z.number().min(0).optional(),
      chunkTargetMs: positive.optional(),
      maxRunningQueries: z.number().int().min(0).optional(),
      maxReplicaLagMs: positive.optional(),
      leaseMs: z.number().min(1000).max(600_000).optional(),
      onFailedValidation: z.enum(['rollback', 'ask']).optional(),
    })
    .strict()
    .optional(),
  invariants: z.array(z.object({ name: z.string().min(1), blue: engineSql, green: engineSql }).strict()).optional(),
  probes: z
    .array(
      z
        .object({
          name: z.string().min(1),
          blue: engineSql,
          green: engineSql,
          parameters: z.record(z.string(), engineSql).optional(),
          beforeMs: positive.optional(),
          afterMs: positive,
          isCompared: z.boolean().optional(),
        })
        .strict(),
    )
    .optional(),
  hooks: z
    .array(
      z
        .object({
          at: z.enum(['before-switch', 'after-switch', 'before-rollback', 'after-rollback', 'complete']),
          command: z.string().min(1),
          args: z.array(z.string()).optional(),
          timeoutMs: positive.optional(),
        })
        .strict(),
    )
    .optional(),
})

const ALLOWED = new Set(['name', 'blue', 'green', 'bands', 'tables', 'invariants', 'probes', 'hooks', 'limits'])

/**
 * @returns the plan, or every problem with its path and a hint.
 */
export function readPlan(
  definition: unknown,
): { plan: Plan; problems: [] } | { plan: undefined; problems: readonly PlanProblem[] } {
  const problems = new Problems()
  if (!isDefinition(definition)) {
    problems.add('', 'the file has no default export made by definePlan', 'Write `export default definePlan({ ... })`.')
    return { plan: undefined, problems: problems.list }
  }
  const input = definition.input
  for (const key of Object.keys(input))
    if (!ALLOWED.has(key)) problems.add(key, 'is not part of a plan', `Known: ${[...ALLOWED].join(', ')}.`)
  const head = headSchema.safeParse({
    name: input.name,
    bands: input.bands,
    limits: input.limits,
    invariants: input.invariants,
    probes: input.probes,
    hooks: input.hooks,
  })
  if (!head.success)
    for (const issue of head.error.issues)
      problems.add(issue.path.join('.'), issue.message, 'See docs/plan.md for the shape of a plan.')
  for (const side of ['blue', 'green'] as const)
    if (fits(schemaShape, input[side], side, problems)) checkSchema(side, input[side], problems)
  if (typeof input.tables !== 'function')
    problems.add('tables', 'is not a function', 'Write `tables: (t) => ({ ... })`, with one entry for each blue table.')
  if (problems.list.length > 0 || !head.success) return { plan: undefined, problems: problems.list }

  const bands = { ...DEFAULT_BANDS, ...head.data.bands }
  if (BigInt(bands.base) >= BigInt(bands.birthLine))
    problems.add(
      'bands',
      `base ${bands.base} is not below birthLine ${bands.birthLine}`,
      'Keys run: kept < base <= interleaved < birthLine <= born in green.',
    )
  for (const [index, group] of [input.invariants ?? [], input.probes ?? []].entries()) {
    const names = new Set<string>()
    for (const { name } of group) {
      if (names.has(name))
        problems.add(
          `${index === 0 ? 'invariants' : 'probes'}.${name}`,
          'the name is used twice',
          'Give each its own name.',
        )
      names.add(name)
    }
  }
  const resolved = resolveDispositions(input, bands, problems)
  if (problems.list.length > 0) return { plan: undefined, problems: problems.list }
  const context = { resolved, input, bands, problems }
  const forward = buildForward(context)
  checkNarrowing(forward, input, problems)
  const { reverse, coverage } = buildReverse(context)
  if (problems.list.length > 0) return { plan: undefined, problems: problems.list }
  const limits: Limits = { ...DEFAULT_LIMITS, ...head.data.limits }
  return {
    plan: {
      name: input.name,
      blue: input.blue,
      green: input.green,
      bands,
      limits,
      invariants: input.invariants ?? [],
      probes: input.probes ?? [],
      hooks: input.hooks ?? [],
      forward: orderByDependency(forward, input.green),
      reverse: orderByDependency(reverse, input.blue),
      coverage,
    },
    problems: [],
  }
}

/** @throws {CrossfadeError} PLAN_INVALID listing every problem. */
export function parsePlan(definition: unknown): Plan {
  const { plan, problems } = readPlan(definition)
  if (plan) return plan
  const lines = problems.map((problem) => `  ${problem.path || '(plan)'}: ${problem.message}. ${problem.hint}`)
  throw new CrossfadeError(
    'PLAN_INVALID',
    `the plan has ${problems.length} problem${problems.length === 1 ? '' : 's'}:\n${lines.join('\n')}`,
  )
}

function isDefinition(value: unknown): value is PlanDefinition {
  return (
    typeof value === 'object' &&
    value !== null &&
    'isCrossfadePlan' in value &&
    'input' in value &&
    typeof value.input === 'object' &&
    value.input !== null
  )
}

/** What the shapes do not say: that names refer to something. */
function checkSchema(side: 'blue' | 'green', schema: SchemaSpec, problems: Problems): void {
  for (const [tableName, table] of Object.entries(schema)) {
    const path = `${side}.${tableName}`
    const known = (name: string): boolean => Object.hasOwn(table.columns, name)
    const keys: (readonly [string, readonly string[]])[] = [
      ['primaryKey', table.primaryKey],
      ...Object.entries(table.unique ?? {}).map(([name, index]): [string, readonly string[]] => [
        `unique.${name}`,
        columnsOf(index),
      ]),
      ...Object.entries(table.indexes ?? {}).map(([name, index]): [string, readonly string[]] => [
        `indexes.${name}`,
        columnsOf(index),
      ]),
      ...Object.entries(table.foreignKeys ?? {}).map(([name, key]): [string, readonly string[]] => [
        `foreignKeys.${name}`,
        key.columns,
      ]),
      ...(table.tenantColumn === undefined ? [] : [['tenantColumn', [table.tenantColumn]] as const]),
    ]
    for (const [where, names] of keys)
      for (const name of names)
        if (!known(name))
          problems.add(`${path}.${where}`, `column "${name}" is not in the table`, 'Name a column of this table.')
    for (const name of table.primaryKey) {
      const reason = known(name) ? notInKeys(table.columns[name]!.type) : undefined
      if (reason !== undefined)
        problems.add(
          `${path}.primaryKey`,
          `"${name}" is ${table.columns[name]!.type}, and rows cannot be found by it: ${reason}`,
          'Give the table a key of another type, or use text for the column.',
        )
    }
    for (const [name, key] of Object.entries(table.foreignKeys ?? {})) {
      const target = Object.hasOwn(schema, key.references) ? schema[key.references] : undefined
      if (!target)
        problems.add(
          `${path}.foreignKeys.${name}`,
          `refers to table "${key.references}", which is not in ${side}`,
          'Name a table of the same schema.',
        )
      else {
        if (key.columns.length !== key.referencedColumns.length)
          problems.add(
            `${path}.foreignKeys.${name}`,
            `pairs ${key.columns.length} columns with ${key.referencedColumns.length}`,
            'Name as many columns on both ends.',
          )
        for (const columnName of key.referencedColumns)
          if (!Object.hasOwn(target.columns, columnName))
            problems.add(
              `${path}.foreignKeys.${name}`,
              `refers to column "${key.references}.${columnName}", which does not exist`,
              'Name a column of the referenced table.',
            )
      }
    }
    if (table.partitionByMonth && !table.primaryKey.includes(table.partitionByMonth))
      problems.add(
        `${path}.partitionByMonth`,
        `"${table.partitionByMonth}" is not part of the primary key`,
        'Both engines ask for the partition column in the primary key.',
      )
  }
}

const columnsOf = ({ columns, include, whereNotNull }: IndexSpec): readonly string[] => [
  ...columns,
  ...(include ?? []),
  ...(whereNotNull === undefined ? [] : [whereNotNull]),
]
