/** One transaction of the application: SQL with `?`, on whichever engine and side it runs. */
import type { EngineName, Side } from '../../../src/engines/engine.js'

export interface Answer {
  readonly rows: Record<string, unknown>[]
  /** Rows returned, or affected where the statement returns none. */
  readonly rowCount: number
  readonly insertId?: number | string
}

/** What the pool of Crossfade and {@link PlainPool} have in common. */
export interface Transaction {
  readonly side: Side
  query(text: string, params?: readonly unknown[]): Promise<Answer>
}

export interface TransactionSource {
  /** Begins, runs `work`, commits. `work` may run again when nothing of it was committed. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
}

/** SQL text that goes into a statement as it is, with its own values. */
export class Fragment {
  constructor(
    readonly text: string,
    readonly values: readonly unknown[] = [],
  ) {}
}

export type Value = string | number | boolean | null | Fragment

export class Session {
  readonly side: Side

  constructor(
    private readonly transaction: Transaction,
    private readonly engine: EngineName,
  ) {
    this.side = transaction.side
  }

  get isBlue(): boolean {
    return this.side === 'blue'
  }

  /** A moment, whatever the time zone of the session: seconds since 1970. */
  at(seconds: number): Fragment {
    return new Fragment(this.engine === 'postgres' ? 'to_timestamp(?)' : 'FROM_UNIXTIME(?)', [seconds])
  }

  get now(): Fragment {
    return new Fragment('CURRENT_TIMESTAMP')
  }

  /** Quoted, for columns whose names are words of SQL. */
  name(identifier: string): string {
    return this.engine === 'postgres' ? `"${identifier}"` : `\`${identifier}\``
  }

  async rows(text: string, ...values: Value[]): Promise<Record<string, unknown>[]> {
    return (await this.#send(text, values)).rows
  }

  /** The first row. */
  async row(text: string, ...values: Value[]): Promise<Record<string, unknown> | undefined> {
    return (await this.rows(text, ...values))[0]
  }

  /** @returns rows found. */
  async execute(text: string, ...values: Value[]): Promise<number> {
    return (await this.#send(text, values)).rowCount
  }

  /** @returns the key that the database gave, as text: keys born in green do not fit a number. */
  async insert(table: string, row: Readonly<Record<string, Value>>, key = 'id'): Promise<string> {
    const columns = Object.keys(row).map((column) => this.name(column))
    const values = Object.values(row)
    const returning = this.engine === 'postgres' ? ` RETURNING ${this.name(key)} AS id` : ''
    const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map(() => '?').join(', ')})${returning}`
    const answer = await this.#send(text, values)
    return String(answer.rows[0]?.['id'] ?? answer.insertId ?? '')
  }

  /** @returns rows found. */
  async update(
    table: string,
    changes: Readonly<Record<string, Value>>,
    where: Readonly<Record<string, Value>>,
  ): Promise<number> {
    const assign = (part: Readonly<Record<string, Value>>): string[] =>
      Object.keys(part).map((column) => `${this.name(column)} = ?`)
    const text = `UPDATE ${table} SET ${assign(changes).join(', ')} WHERE ${assign(where).join(' AND ')}`
    return this.execute(text, ...Object.values(changes), ...Object.values(where))
  }

  async #send(text: string, values: readonly Value[]): Promise<Answer> {
    const flat: unknown[] = []
    let position = 0
    const bind = (value: unknown): string => {
      flat.push(value)
      return this.engine === 'postgres' ? `$${flat.length}` : '?'
    }
    const joined = text.replaceAll('?', () => {
      const value = values[position++]
      if (!(value instanceof Fragment)) return bind(value)
      let inner = 0
      return value.text.replaceAll('?', () => bind(value.values[inner++]))
    })
    return this.transaction.query(joined, flat)
  }
}

/** JSON of a column as the drivers give it: text (MariaDB) or parsed already. */
export function parseJson(value: unknown): unknown {
  return typeof value === 'string' ? (JSON.parse(value) as unknown) : value
}

/** The elements of a JSON array that may be NULL. */
export function elementsOf(value: unknown): Record<string, unknown>[] {
  const parsed = parseJson(value ?? null)
  return Array.isArray(parsed) ? (parsed as Record<string, unknown>[]) : []
}
