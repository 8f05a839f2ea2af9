/** Statements as Crossfade's own: gates let them pass and capture does not see them, as if a bug of Crossfade had made them. */
import type { Side } from '../../src/engines/engine.js'
import { openSide } from '../../src/engines/open-side.js'
import { raw } from '../../src/engines/sql.js'
import type { Shop } from './shop.js'

export async function tamper(shop: Shop, side: Side, ...statements: readonly string[]): Promise<void> {
  await using tools = await openSide(side === 'blue' ? shop.blueUrl : shop.greenUrl, side, shop.meta)
  await using session = await tools.connect('tamper')
  for (const statement of statements) await session.execute(raw(statement))
}
