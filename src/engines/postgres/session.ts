/** One connection to PostgreSQL as a {@link Session}. */
import type { Socket } from 'node:net'
import type { Readable, Writable } from 'node:stream'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Dialect, Session } from '../engine.js'
import { CrossfadeError } from '../errors.js'
import type { RawRow, Sql } from '../sql.js'
import { classifyError } from './classify-error.js'
import { watchSilence } from '../silence.js'
import { destroyClient, endClient, openClient } from './client.js'
import { inlineValues, valueText } from './literals.js'

const PLACEHOLDER = (index: number) => `$${index}`

/** Sessions of this process, which are no remains of an earlier one. */
const OPEN = new Set<string>()
/** To ask about a statement, or to stop it, over a connection of its own. */
const ASK_MS = 5_000
const openKey = (url: string, id: number) => `${new URL(url).host}/${id}`

export function isOpenHere(url: string, id: number): boolean {
  return OPEN.has(openKey(url, id))
}

export class PostgresSession implements Session {
  readonly id: number
  #isInTransaction = false
  #running = 0
  #last: Promise<unknown> = Promise.resolve()
  #cursors = 0
  #isClosed = false

  private constructor(
    private readonly client: pg.Client,
    private readonly url: string,
    readonly dialect: Dialect,
  ) {
    // The pid is in the start-up messages; the types leave it out.
    this.id = (client as pg.Client & { readonly processID: number }).processID
    OPEN.add(openKey(url, this.id))
    client.once('end', () => OPEN.delete(openKey(url, this.id)))
  }

  /** @throws {CrossfadeError} CONNECT_FAILED */
  static async open(url: string, application: string, dialect: Dialect, namespace?: string): Promise<PostgresSession> {
    return new PostgresSession(await openClient(url, application, { namespace }), url, dialect)
  }

  async query(query: Sql): Promise<RawRow[]> {
    return (await this.#send(query)).rows
  }

  async execute(query: Sql): Promise<number> {
    return (await this.#send(query)).rowCount ?? 0
  }

  /** Statements without bound values, in one round trip. Each sees what was committed before it began. */
  async script(text: string): Promise<RawRow[][]> {
    const results = await this.#track(() => this.client.query<RawRow>({ text, rowMode: 'array' }))
    return (Array.isArray(results) ? (results as pg.QueryArrayResult<RawRow>[]) : [results]).map(
      (result) => result.rows as RawRow[],
    )
  }

  async transaction<T>(work: () => Promise<T>, options: { snapshot?: boolean } = {}): Promise<T> {
    if (this.#isInTransaction) throw new TypeError('this session is in a transaction already')
    this.#isInTransaction = true
    try {
      await this.script(
        options.snapshot
          ? 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY'
          : 'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE',
      )
      const result = await work().catch(async (error: unknown) => {
        // The first error is the one to tell; a connection that is gone has rolled back by itself.
        await this.script('ROLLBACK').catch(() => undefined)
        throw error
      })
      await this.#commit()
      return result
    } finally {
      this.#isInTransaction = false
    }
  }

  /** Outside a transaction it starts one for as long as rows are read. Other statements may run between two batches. */
  async *stream(query: Sql, batchRows: number): AsyncGenerator<RawRow[], void, void> {
    const startsTransaction = !this.#isInTransaction
    if (startsTransaction) {
      this.#isInTransaction = true
      await this.script('BEGIN ISOLATION LEVEL READ COMMITTED').catch((error: unknown) => {
        this.#isInTransaction = false
        throw error
      })
    }
    this.#cursors += 1
    const name = `crossfade_cursor_${this.#cursors}`
    try {
      const { text, values } = query.render(PLACEHOLDER)
      await this.#track(() => this.client.query(`DECLARE ${name} NO SCROLL CURSOR FOR ${text}`, values.map(valueText)))
      for (;;) {
        const [rows] = await this.script(`FETCH ${Math.max(1, Math.floor(batchRows))} FROM ${name}`)
        if (rows!.length === 0) break
        yield rows!
      }
    } finally {
      // After a failed statement the cursor is gone with its transaction, which its owner rolls back.
      await this.script(startsTransaction ? 'ROLLBACK' : `CLOSE ${name}`).catch(() => undefined)
      if (startsTransaction) this.#isInTransaction = false
    }
  }

  /** COPY (query) TO STDOUT in text format. Read it to its end. */
  copyOut(query: Sql): Readable & { rowCount: number } {
    return this.#watchCopy(this.client.query(copyTo(`COPY (${inlineValues(query)}) TO STDOUT`)))
  }

  /** COPY target FROM STDIN in text format. */
  copyIn(target: string): Writable & { rowCount: number } {
    return this.#watchCopy(this.client.query(copyFrom(`COPY ${target} FROM STDIN`)))
  }

  /** Asks the server to stop the running statement, over a connection of its own. */
  async cancel(): Promise<void> {
    await this.#ask('cancel', 'SELECT pg_cancel_backend($1)')
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#running === 0) {
      await endClient(this.client)
      return
    }
    destroyClient(this.client)
    await this.cancel().catch(() => undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #commit(): Promise<void> {
    const { command } = await this.#track(() => this.client.query('COMMIT'))
    // COMMIT of a transaction with a failed statement succeeds as a ROLLBACK; only the command tag tells.
    if (command === 'ROLLBACK')
      throw new CrossfadeError('STATEMENT_FAILED', 'the transaction was rolled back: a statement in it had failed')
  }

  async #send(query: Sql): Promise<pg.QueryArrayResult<RawRow>> {
    const { text, values } = query.render(PLACEHOLDER)
    return this.#track(() => this.client.query<RawRow>({ text, values: values.map(valueText), rowMode: 'array' }))
  }

  /** One statement after the other: several tasks may ask over one session, and the driver is to see one at a time. */
  async #track<T>(send: () => Promise<T>): Promise<T> {
    this.#running += 1
    const answer = this.#last.then(async () => {
      const unwatch = this.#watch('statement')
      try {
        return await send()
      } finally {
        unwatch()
      }
    })
    this.#last = answer.catch(() => undefined)
    try {
      return await answer
    } catch (error) {
      throw classifyError(error)
    } finally {
      this.#running -= 1
    }
  }

  /** A server that waits for its client has nothing to do any more, unless rows go to and fro. @returns what ends the watch. */
  #watch(kind: 'statement' | 'copy'): () => void {
    const { stream } = this.client.connection as unknown as { stream: Socket }
    const waits = kind === 'statement' ? `AND wait_event_type IS DISTINCT FROM 'Client'` : ''
    const question = `SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND state <> 'idle' AND state NOT LIKE 'idle in%' ${waits}`
    return watchSilence({
      traffic: () => stream.bytesRead + stream.bytesWritten,
      isAtWork: async () => (await this.#ask('monitor', question)) > 0,
      onDead: () => destroyClient(this.client),
    })
  }

  #watchCopy<S extends Readable | Writable>(stream: S): S {
    const unwatch = this.#watch('copy')
    for (const event of ['end', 'finish', 'error', 'close']) stream.once(event, unwatch)
    return stream
  }

  /** One statement about this session over a connection of its own. @returns its number of rows. */
  async #ask(application: string, statement: string): Promise<number> {
    const helper = await openClient(this.url, application, { connectTimeoutMs: ASK_MS })
    const limit = setTimeout(() => destroyClient(helper), ASK_MS)
    try {
      return (await helper.query(statement, [this.id])).rowCount ?? 0
    } catch (error) {
      throw classifyError(error)
    } finally {
      clearTimeout(limit)
      await endClient(helper)
    }
  }
}
