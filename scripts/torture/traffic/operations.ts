/** What a writer of the shop does in one transaction, on whichever side it runs. */
import type { Random } from '../../appointments/generator/random.js'
import type { Session } from '../../appointments/application/session.js'
import type { Values } from '../../appointments/ledger/ledger.js'
import type { ShopFact, ShopLedger } from './shop-ledger.js'

export interface OwnThing {
  readonly key: string
  readonly id: string
}

/** What a writer made and may change: nobody else does, so the ledger knows the order of the changes. */
export interface Possessions {
  readonly orders: OwnThing[]
  readonly shops: OwnThing[]
}

/** What a transaction did, once it is committed. */
export interface Deed {
  readonly facts: readonly ShopFact[]
  /** Things it made, changed or took away. */
  readonly touched: readonly OwnThing[]
  remember?(): void
}

export interface Writer {
  readonly random: Random
  readonly ledger: ShopLedger
  readonly own: Possessions
}

/** A write that a later transaction does not find. Once more, and it has been lost. */
export class LostThingError extends Error {
  override readonly name = 'LostThingError'
}

const MOST_KEPT = 40

/** May run several times for one commit. Everything random is drawn before it, so that each run does the same. */
export type Operation = (session: Session) => Promise<Deed>

export function drawOperation(writer: Writer): Operation {
  const { random, own } = writer
  const share = random.float()
  if (share < 0.12) return openShop(writer)
  if (share < 0.3 && own.shops.length > 0) return changePrice(writer, random.pick(own.shops))
  if (share < 0.4 && own.orders.length > 3) return cancelOrder(writer, own.orders[0]!)
  return placeOrder(writer)
}

/** A new order, and a change of the one before it, which sync may have in its hands. */
function placeOrder({ random, ledger, own }: Writer): Operation {
  const key = ledger.newKey()
  const [cents, changed] = [random.int(100_000), random.int(100_000)]
  const before = own.orders.at(-1)
  return async (session) => {
    const word: Record<string, string> = session.isBlue ? { state: 'paid' } : { status: 'completed' }
    const id = await session.insert('orders', { item_id: 1, reference: key, ...word, cents })
    if (before) await requireOne(await session.update('orders', { cents: changed }, { id: before.id }), before, session)
    const fact = (thing: string, values: Values): ShopFact => ({ type: 'present', entity: 'order', key: thing, values })
    return {
      facts: [
        fact(key, { cents: String(cents), state: 'paid' }),
        ...(before ? [fact(before.key, { cents: String(changed) })] : []),
      ],
      touched: before ? [before] : [],
      remember: () => keep(own.orders, { key, id }),
    }
  }
}

function cancelOrder({ own }: Writer, order: OwnThing): Operation {
  return async (session) => {
    await requireOne(await session.execute('DELETE FROM orders WHERE id = ?', order.id), order, session)
    return {
      facts: [{ type: 'absent', entity: 'order', key: order.key }],
      touched: [order],
      remember: () => forget(own, [order]),
    }
  }
}

function openShop({ random, ledger, own }: Writer): Operation {
  const key = ledger.newKey()
  const price = (random.int(100_000) / 100).toFixed(2)
  return async (session) => {
    let id: string
    if (session.isBlue) {
      id = await session.insert('shops', { name: key, city: 'Ulm', active: true })
      await session.insert('prices', { shop_id: id, amount: price, valid_from: '2024-05-01' })
    } else
      id = await session.insert('shops', {
        name: key,
        settings: '{"city": "Ulm", "active": true}',
        prices: json(price),
      })
    const made = { key, id }
    return {
      facts: [{ type: 'present', entity: 'shop', key, values: { price } }],
      touched: [],
      remember: () => keep(own.shops, made),
    }
  }
}

function changePrice({ random }: Writer, shop: OwnThing): Operation {
  const price = (random.int(100_000) / 100).toFixed(2)
  return async (session) => {
    const found = session.isBlue
      ? await session.update('prices', { amount: price }, { shop_id: shop.id })
      : await session.update('shops', { prices: json(price) }, { id: shop.id })
    await requireOne(found, shop, session)
    return {
      facts: [{ type: 'present', entity: 'shop', key: shop.key, values: { price } }],
      touched: [shop],
    }
  }
}

const json = (price: string): string => `[{"amount": ${price}, "valid_from": "2024-05-01"}]`

/**
 * MySQL and MariaDB fence rows: a statement that matches none passes on a closed side too, which is behind the other one then. So the
 * side has to take a write; then whoever looks once more sees what is true.
 */
async function requireOne(found: number, { key }: OwnThing, session: Session): Promise<void> {
  if (found === 1) return
  await session.execute('UPDATE shops SET name = name WHERE id = 1')
  throw new LostThingError(`${key} was found ${found} times on ${session.side}`)
}

function keep(list: OwnThing[], thing: OwnThing): void {
  list.push(thing)
  // The ledger still knows the oldest.
  if (list.length > MOST_KEPT) list.shift()
}

export function forget(own: Possessions, things: readonly OwnThing[]): void {
  for (const list of [own.orders, own.shops])
    for (const { key } of things) {
      const index = list.findIndex((one) => one.key === key)
      if (index >= 0) list.splice(index, 1)
    }
}
