/**
 * One writer per destination table at a time: a backfill chunk in flight owns its table until it has committed, and changes
 * wait. (Read old, write late is the one way to lose an update here; DBLog and gh-ost guard the same place.)
 */
export class TableLocks {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` when it is first in line for every one of the tables. */
  async with<T>(tables: readonly string[], work: () => Promise<T>): Promise<T> {
    const sorted = [...new Set(tables)].sort()
    const before = sorted.map((table) => this.#tails.get(table) ?? Promise.resolve())
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    for (const table of sorted) {
      const tail = Promise.all([this.#tails.get(table), held]).then(() => undefined)
      this.#tails.set(table, tail)
    }
    await Promise.all(before)
    try {
      return await work()
    } finally {
      release()
    }
  }
}
