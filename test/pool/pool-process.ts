/** A pool in a process of its own, driven by messages of the test. */
import { createPool, type PoolOptions } from '../../src/pool/index.ts'

export type Command =
  | { readonly type: 'start'; readonly options: PoolOptions }
  | { readonly type: 'insert'; readonly sql: string }
  | { readonly type: 'end' }

export type Report =
  | { readonly type: 'loaded' | 'started' | 'ended' }
  | { readonly type: 'inserted'; readonly side: string }
  | { readonly type: 'gate'; readonly state: string }
  | { readonly type: 'failed'; readonly message: string }

const tell = (report: Report) => process.send!(report)
let pool: ReturnType<typeof createPool>

const handle = async (command: Command): Promise<void> => {
  switch (command.type) {
    case 'start':
      pool = createPool(command.options)
      pool.on('gate', (state) => tell({ type: 'gate', state }))
      await pool.query('SELECT 1')
      return void tell({ type: 'started' })
    case 'insert':
      return void tell({
        type: 'inserted',
        side: await pool.transaction(async (tx) => (await tx.query(command.sql), tx.side)),
      })
    case 'end':
      await pool.end()
      tell({ type: 'ended' })
      process.disconnect()
  }
}

process.on('message', (command: Command) => {
  handle(command).catch((error: unknown) => tell({ type: 'failed', message: String(error) }))
})
tell({ type: 'loaded' })
