/**
 * InnoDB applies cascades below SQL: no trigger fires for the children. So a BEFORE trigger of the parent logs them, top
 * down. Pure: foreign keys in, statements out.
 */
import { CrossfadeError } from '../errors.js'
import type { ForeignKey } from './introspect.js'
import { loggedValues, type LoggedColumn } from './logged-values.js'
import { qualify, quoteIdentifier, quoteText } from './quote.js'

/** InnoDB refuses to cascade deeper (FK_MAX_CASCADE_DEL). */
const MAX_DEPTH = 15
/** A trigger with more statements than this would make each delete crawl. */
const MAX_STATEMENTS = 1_000

export interface CascadeInput {
  readonly namespace: string
  readonly foreignKeys: readonly ForeignKey[]
  /** Logged columns of the captured tables. */
  readonly captured: ReadonlyMap<string, readonly LoggedColumn[]>
  /** Qualified name of the queue. */
  readonly changes: string
}

/** What happens to the rows at the end of a path: gone, or these columns set to these SQL values. */
type Effect = { readonly type: 'deleted' } | { readonly type: 'updated'; readonly values: ReadonlyMap<string, string> }

interface Step {
  readonly key: ForeignKey
  readonly alias: string
}

interface Reached {
  readonly path: readonly Step[]
  readonly effect: Effect
}

/** Tables whose delete or update reaches a captured table by a cascade. */
export function cascadeParents(input: CascadeInput): { table: string; event: 'DELETE' | 'UPDATE'; body: string }[] {
  const parents = [...new Set(input.foreignKeys.map((key) => key.references))].sort()
  return parents.flatMap((table) =>
    (['DELETE', 'UPDATE'] as const).flatMap((event) => {
      const statements = event === 'DELETE' ? deleteStatements(table, input) : updateStatements(table, input)
      if (statements.length === 0) return []
      return [{ table, event, body: `BEGIN\nIF @crossfade_sync IS NULL THEN\n${statements.join('\n')}\nEND IF;\nEND` }]
    }),
  )
}

function deleteStatements(table: string, input: CascadeInput): string[] {
  return statementsOf(table, walk(table, [{ path: [], effect: { type: 'deleted' } }], input), input)
}

function updateStatements(table: string, input: CascadeInput): string[] {
  return input.foreignKeys.flatMap((key) => {
    if (key.references !== table) return []
    const first = childEffect(key, { type: 'updated', values: newValues(key) })
    if (!first) return []
    const start: Reached = { path: [{ key, alias: 'c1' }], effect: first }
    const statements = statementsOf(table, [start, ...walk(table, [start], input)], input)
    if (statements.length === 0) return []
    const changed = key.referencedColumns.map(
      (column) => `NOT (NEW.${quoteIdentifier(column)} <=> OLD.${quoteIdentifier(column)})`,
    )
    return [`IF ${changed.join(' OR ')} THEN\n${statements.join('\n')}\nEND IF;`]
  })
}

function newValues(key: ForeignKey): ReadonlyMap<string, string> {
  return new Map(key.referencedColumns.map((column) => [column, `NEW.${quoteIdentifier(column)}`]))
}

/** All paths below the starts, level by level. A table may come again: a tree in one table is as deep as it is. */
function walk(root: string, starts: readonly Reached[], { foreignKeys }: CascadeInput): Reached[] {
  const found: Reached[] = []
  let level = starts
  while (level.length > 0 && level[0]!.path.length < MAX_DEPTH) {
    level = level.flatMap((reached) => {
      const table = reached.path.at(-1)?.key.table ?? root
      return foreignKeys.flatMap((key): Reached[] => {
        if (key.references !== table) return []
        const effect = childEffect(key, reached.effect)
        return effect ? [{ path: [...reached.path, { key, alias: `c${reached.path.length + 1}` }], effect }] : []
      })
    })
    found.push(...level)
    if (found.length > MAX_STATEMENTS) {
      throw new CrossfadeError(
        'REFUSED',
        `the foreign keys below ${root} cascade along more than ${MAX_STATEMENTS} paths`,
      )
    }
  }
  return found
}

function childEffect(key: ForeignKey, parent: Effect): Effect | undefined {
  const isTouched = parent.type === 'deleted' || key.referencedColumns.some((column) => parent.values.has(column))
  if (!isTouched) return undefined
  const action = parent.type === 'deleted' ? key.onDelete : key.onUpdate
  if (action === 'SET NULL') return { type: 'updated', values: new Map(key.columns.map((column) => [column, 'NULL'])) }
  if (action !== 'CASCADE') return undefined
  if (parent.type === 'deleted') return { type: 'deleted' }
  const values = key.columns.flatMap((column, index): [string, string][] => {
    const value = parent.values.get(key.referencedColumns[index]!)
    return value === undefined ? [] : [[column, value]]
  })
  return { type: 'updated', values: new Map(values) }
}

/**
 * Top down. Rows that have children of their own are locked with FOR UPDATE before these are read: otherwise a child that
 * commits in between would be deleted without having been logged (seen under READ COMMITTED). The last of a path only
 * need a locking read, which sees the newest rows: their own parent is locked already, so none can be added.
 */
function statementsOf(root: string, reached: readonly Reached[], input: CascadeInput): string[] {
  const isNeeded = new Set<string>()
  const hasChildren = new Set<string>()
  for (const { path } of reached) {
    if (!input.captured.has(path.at(-1)!.key.table)) continue
    for (let length = 1; length <= path.length; length += 1) {
      isNeeded.add(pathId(path.slice(0, length)))
      if (length < path.length) hasChildren.add(pathId(path.slice(0, length)))
    }
  }
  return reached.flatMap(({ path, effect }) => {
    const id = pathId(path)
    if (!isNeeded.has(id)) return []
    // A trigger may not lock rows of its own table for update (error 1442).
    const isOwnTable = path.some(({ key }) => key.table === root)
    const lock = hasChildren.has(id) && !isOwnTable ? 'FOR UPDATE' : 'LOCK IN SHARE MODE'
    const columns = input.captured.get(path.at(-1)!.key.table)
    if (columns) return [logStatement(path, effect, columns, input, lock)]
    return hasChildren.has(id) ? [`SELECT COUNT(*) INTO @crossfade_locked ${source(path, input)} ${lock};`] : []
  })
}

function logStatement(
  path: readonly Step[],
  effect: Effect,
  columns: readonly LoggedColumn[],
  input: CascadeInput,
  lock: string,
): string {
  const { key, alias } = path.at(-1)!
  const quoted = quoteIdentifier(alias)
  const after = effect.type === 'deleted' ? 'NULL' : loggedValues(columns, quoted, effect.values)
  return (
    `INSERT INTO ${input.changes} (tbl, before_values, after_values) ` +
    `SELECT ${quoteText(key.table)}, ${loggedValues(columns, quoted)}, ${after} ${source(path, input)} ${lock};`
  )
}

/** STRAIGHT_JOIN: the rows above are read, and locked, first. */
function source(path: readonly Step[], { namespace }: CascadeInput): string {
  const tables = path.map(({ key, alias }, index) => {
    const table = `${qualify(namespace, key.table)} AS ${quoteIdentifier(alias)}`
    if (index === 0) return `FROM ${table}`
    return `STRAIGHT_JOIN ${table} ON ${pairs(path[index]!, quoteIdentifier(path[index - 1]!.alias))}`
  })
  return `${tables.join(' ')} WHERE ${pairs(path[0]!, 'OLD')}`
}

function pairs({ key, alias }: Step, parent: string): string {
  return key.columns
    .map(
      (column, index) =>
        `${quoteIdentifier(alias)}.${quoteIdentifier(column)} = ${parent}.${quoteIdentifier(key.referencedColumns[index]!)}`,
    )
    .join(' AND ')
}

function pathId(path: readonly Step[]): string {
  return path.map(({ key }) => `${key.table}.${key.name}`).join('>')
}
