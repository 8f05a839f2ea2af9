/**
 * The shapes of what an author writes. A plan may be JavaScript, and no compiler looks at a TypeScript plan when it is run, so
 * nothing of it is taken on trust.
 */
import { z } from 'zod'
import type { Problems } from './problems.js'
import { parseType } from './schema.js'

const text = z.string()
const names = z.array(text)
const callback = z.custom<() => unknown>((value) => typeof value === 'function', 'must be a function')
const reasons = z
  .record(
    text,
    z.string().refine((reason) => reason.trim() !== '', 'has no reason'),
  )
  .optional()

const type = z.string().superRefine((value, context) => {
  try {
    parseType(value)
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) })
  }
})

const expr: z.ZodType = z.lazy(() => expression)
const exprs = z.array(expr)
const pairs = z.array(z.tuple([expr, expr]))
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()])
const value = z.union([scalar, expr], 'is neither an expression nor a literal')

const digits = z.string().regex(/^[0-9]+$/)
const keyFunction = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('keep') }),
  z.strictObject({
    type: z.literal('interleave'),
    base: digits,
    birthLine: digits,
    slots: z.number(),
    slot: z.number(),
  }),
  z.strictObject({ type: z.literal('uuid'), space: z.string(), birthLine: digits }),
])
const engineSql = z.strictObject({ postgres: text, mysql: text, mariadb: text.optional() })

const expression = z.discriminatedUnion(
  'op',
  [
    z.strictObject({ op: z.literal('column'), alias: text, column: text, type: type.optional() }),
    z.strictObject({ op: z.literal('literal'), value: scalar }),
    z.strictObject({ op: z.enum(['coalesce', 'concat', 'and', 'or']), args: exprs }),
    z.strictObject({
      op: z.literal('case'),
      branches: z.array(z.strictObject({ when: expr, then: expr })),
      otherwise: expr,
    }),
    z.strictObject({
      op: z.literal('valueTable'),
      input: expr,
      table: z.record(text, text),
      otherwise: z.union([z.literal('keep'), z.strictObject({ value: text.nullable() })]),
    }),
    z.strictObject({ op: z.literal('cast'), input: expr, to: type }),
    z.strictObject({ op: z.literal('jsonObject'), members: z.record(text, z.strictObject({ value: expr, type })) }),
    z.strictObject({ op: z.enum(['jsonFromText', 'jsonToText', 'isNull', 'not']), input: expr }),
    z.strictObject({ op: z.literal('jsonGet'), input: expr, path: names, type }),
    z.strictObject({
      op: z.literal('arithmetic'),
      operator: z.enum(['+', '-', '*', '/']),
      left: expr,
      right: expr,
      type,
    }),
    z.strictObject({ op: z.enum(['key', 'unkey']), key: keyFunction, input: expr }),
    z.strictObject({
      op: z.literal('compare'),
      operator: z.enum(['=', '<>', '<', '<=', '>', '>=']),
      left: expr,
      right: expr,
    }),
    z.strictObject({ op: z.literal('same'), left: expr, right: expr }),
    z.strictObject({ op: z.literal('raw'), sql: engineSql, inputs: z.record(text, expr), type }),
  ],
  'is no expression',
)

export const keySpecShape = z.discriminatedUnion(
  'type',
  [
    z.strictObject({ type: z.literal('keep') }),
    z.strictObject({ type: z.literal('interleave'), slots: z.number(), slot: z.number() }),
    z.strictObject({ type: z.literal('uuid'), space: z.string() }),
  ],
  'is not keep(), interleave() or uuidOf()',
)

const fold = z.strictObject({
  kind: z.literal('fold'),
  from: text,
  owner: text,
  column: text,
  define: callback,
})

/** What becomes of one blue table. */
const disposition = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('map'), from: text, into: text, define: callback, fold: fold.optional() }),
    fold,
    z.strictObject({ kind: z.literal('retire'), from: text, reason: text }),
  ],
  'is none of map, fold and retire',
)

/** What `tables` of a plan returns. */
export const tablesShape = z.record(text, disposition)

/** What the callback of a map returns. */
export const mapShape = z.strictObject({
  key: keySpecShape.optional(),
  columns: z.record(text, value.optional()),
  where: expr.optional(),
  dropped: reasons,
  frozen: reasons,
  back: callback.optional(),
  bornHere: callback.optional(),
  merge: z.strictObject({ rank: z.number(), sources: text, scope: z.tuple([text, text]) }).optional(),
})

/** What the callback of a fold returns. */
export const foldShape = z.strictObject({
  by: pairs,
  where: expr.optional(),
  shape: z.enum(['array', 'latest', 'one', 'map']),
  orderBy: exprs,
  mapKey: expr.optional(),
  dropped: reasons,
})

/** What `back` of a map returns. */
export const backShape = z.record(text, value.optional())
/** What `bornHere` of a map returns. */
export const conditionShape = expr
/** What the callback of a lookup returns. */
export const lookupShape = pairs

/** Names are quoted, so any text does, but PostgreSQL cuts what is longer than 63 bytes without a word. */
const MAX_NAME_BYTES = 63
const isName = (name: string): boolean =>
  name !== '' && name !== '__proto__' && !name.includes('\0') && Buffer.byteLength(name) <= MAX_NAME_BYTES
const badName = (name: string): string => `"${name}" is no name: 1 to ${MAX_NAME_BYTES} bytes`

const index = z.strictObject({
  columns: names.min(1),
  include: names.optional(),
  method: z.enum(['btree', 'gin']).optional(),
  whereNotNull: text.optional(),
})
const action = z.enum(['NO ACTION', 'RESTRICT', 'CASCADE', 'SET NULL'])

const table = z.strictObject({
  columns: z.record(
    text,
    z.strictObject({
      type,
      notNull: z.boolean().optional(),
      default: z
        .union(
          [
            z.string(),
            z.number(),
            z.boolean(),
            z.strictObject({ now: z.literal(true) }),
            z.strictObject({ uuid: z.literal(true) }),
          ],
          'is no default',
        )
        .optional(),
      autoIncrement: z.boolean().optional(),
    }),
  ),
  primaryKey: names,
  unique: z.record(text, index).optional(),
  indexes: z.record(text, index).optional(),
  foreignKeys: z
    .record(
      text,
      z.strictObject({
        columns: names.min(1),
        references: text,
        referencedColumns: names.min(1),
        onDelete: action.optional(),
        onUpdate: action.optional(),
      }),
    )
    .optional(),
  partitionByMonth: text.optional(),
  tenantColumn: text.optional(),
})

/** One side of a plan. */
export const schemaShape = z.record(text, table).superRefine((schema, context) => {
  if (Object.keys(schema).length === 0) context.addIssue({ code: 'custom', message: 'has no tables' })
  for (const [tableName, { columns, unique, indexes, foreignKeys }] of Object.entries(schema)) {
    const bad = (name: string, path: string[]): void =>
      context.addIssue({ code: 'custom', message: badName(name), path })
    if (!isName(tableName)) bad(tableName, [tableName])
    if (Object.keys(columns).length === 0)
      context.addIssue({ code: 'custom', message: 'has no columns', path: [tableName, 'columns'] })
    for (const [group, entries] of Object.entries({ columns, unique, indexes, foreignKeys }))
      for (const name of Object.keys(entries ?? {})) if (!isName(name)) bad(name, [tableName, group, name])
  }
})

/** Reports whatever of `value` does not fit. @returns whether it fits. */
export function fits(shape: z.ZodType, value_: unknown, path: string, problems: Problems): boolean {
  const result = shape.safeParse(value_)
  if (result.success) return true
  for (const issue of result.error.issues)
    problems.add(
      [path, ...issue.path.map(String)].join('.'),
      issue.message,
      'See docs/plan.md for the shape of a plan.',
    )
  return false
}
