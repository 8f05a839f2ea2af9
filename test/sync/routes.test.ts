import { expect, test } from 'vitest'
import type { Change } from '../../src/engines/engine.js'
import { postgresDialect } from '../../src/engines/postgres/index.js'
import { Compiler } from '../../src/plan/compile.js'
import { loadPlan } from '../../src/plan/load.js'
import { captureTables, Router } from '../../src/sync/routes.js'
import { SHOP_PLAN } from '../support/shop.js'

test('as many changes as a cut carries are routed in one go; those of one row are one scope', async () => {
  const { plan } = await loadPlan(SHOP_PLAN)
  const side = (namespace: string) => ({ dialect: postgresDialect(), namespace })
  const router = new Router(plan, 'blue', new Compiler(plan, { blue: side('blue'), green: side('green') }))
  const { columns } = captureTables(plan, 'blue').find(({ table }) => table === 'orders')!
  const imageOf = (id: number) => columns.map((name) => (name === 'id' ? String(id) : null))
  const changes = Array.from({ length: 200_000 }, (_, index): Change => {
    const image = imageOf(index < 100_000 ? 1 : index)
    return { id: String(index), table: 'orders', before: image, after: image, isTruncate: false }
  })
  const scopes: unknown[] = []
  const nobody = { query: () => Promise.reject(new Error('orders are routed without a question')) }
  for await (const page of router.route(changes, nobody as never)) scopes.push(...page.scopes)
  expect(scopes).toHaveLength(100_001)
})
