/** A transaction of the application that stays open. */
import { openApplication } from './application.js'
import type { Shop } from './shop.js'

export interface HeldTransaction extends AsyncDisposable {
  /** The number by which the server names its session. */
  readonly id: string
  /** Commits. Safe to repeat. */
  end(): Promise<void>
}

export async function holdTransaction(shop: Shop, statement: string): Promise<HeldTransaction> {
  const { run, close } = await openApplication(shop, 'blue')
  const id = await run(
    shop.engine === 'postgres' ? 'SELECT pg_backend_pid()::text AS id' : 'SELECT CONNECTION_ID() AS id',
  )
  await run(shop.engine === 'postgres' ? 'BEGIN' : 'START TRANSACTION')
  await run(statement)
  let isOpen = true
  const end = async (): Promise<void> => {
    if (!isOpen) return
    isOpen = false
    await run('COMMIT').finally(close)
  }
  return { id, end, [Symbol.asyncDispose]: end }
}
