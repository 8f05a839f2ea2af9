/** The prepared statements of one connection, by text. The server keeps them until the session is reset. */
import type pg from 'pg'

/** More than an application's hot statements; each costs memory on the server, for each connection. */
const MOST = 100

export class PreparedStatements {
  /** The one used last is at the end. */
  readonly #names = new Map<string, string>()
  #made = 0

  constructor(private readonly client: pg.Client) {}

  /** The name under which a text is prepared. The one that was not used for longest makes room. */
  async nameOf(text: string): Promise<string> {
    let name = this.#names.get(text)
    if (name === undefined) {
      const [oldest] = this.#names.keys()
      if (this.#names.size >= MOST) await this.drop(oldest!)
      this.#made += 1
      name = `crossfade_${this.#made}`
    }
    this.#names.delete(text)
    this.#names.set(text, name)
    return name
  }

  /** Prepares it anew the next time. Not within a transaction that has failed. */
  async drop(text: string): Promise<void> {
    const name = this.#names.get(text)
    this.#names.delete(text)
    if (name === undefined || this.#parsed[name] === undefined) return
    delete this.#parsed[name]
    await this.client.query(`DEALLOCATE ${name}`)
  }

  /** The server has forgotten all. */
  forget(): void {
    this.#names.clear()
    for (const name of Object.keys(this.#parsed)) delete this.#parsed[name]
  }

  /** What the driver believes to be prepared; the types leave it out. */
  get #parsed(): Record<string, string> {
    return (this.client.connection as pg.Connection & { readonly parsedStatements: Record<string, string> })
      .parsedStatements
  }
}
