/** Where a round takes place: databases of its own with a shop in them. */
import { urlOf } from '../appointments/database/schema.js'
import { runSql, withDatabase } from '../servers/run-sql.js'
import { openSide } from '../../src/engines/open-side.js'
import type { Side } from '../../src/engines/engine.js'
import { blue } from '../../test/fixtures/plans/shop.js'
import { SHOP_ROWS } from '../../test/fixtures/shop-rows.js'
import { through, type Bed, type Node } from './bed.js'
import type { Draw, Target, TortureEngine } from './draw.js'

export interface Urls {
  readonly blue: string
  readonly green: string
  readonly journal: string
}

export interface Stage {
  readonly engine: TortureEngine
  readonly meta: string
  /** Around the network: for the checks. */
  readonly direct: Urls
  readonly crossfade: Urls
  readonly application: Urls
  nodeOf(target: Target): Node
  readonly nodes: readonly Node[]
  /** Statements on a side as its application gives them. */
  sql(side: Side, ...statements: string[]): Promise<Record<string, unknown>[]>
  drop(): Promise<void>
}

const WHERE = {
  'one-server': { blue: 0, green: 0, journal: 0 },
  'two-servers': { blue: 0, green: 1, journal: 0 },
  'own-journal': { blue: 0, green: 1, journal: 2 },
} as const satisfies Record<Draw['placement'], Record<Target, number>>

const ROWS_PER_STATEMENT = 1000

export async function openStage(bed: Bed, draw: Draw): Promise<Stage> {
  const { engine } = bed
  const where = WHERE[draw.placement]
  const nodes = await bed.nodes(1 + Math.max(...Object.values(where)))
  const base = `torture_${draw.round}`
  const isPostgres = engine === 'postgres'
  const namespace = (target: Target): string => (isPostgres ? target : `${base}_${target}`)
  const databases = isPostgres ? [base] : [...(['blue', 'green', 'journal'] as const).map(namespace), `${base}_meta`]
  const drop = async (): Promise<void> => {
    for (const { server } of nodes)
      await runSql(
        engine,
        server.url,
        ...databases.map((name) => `DROP DATABASE IF EXISTS ${name}${isPostgres ? ' WITH (FORCE)' : ''}`),
      )
  }
  const serverUrl = (target: Target): string => {
    const { url } = nodes[where[target]]!.server
    return isPostgres ? withDatabase(url, base) : url
  }
  const urlsBy = (way: (node: Node, url: string) => string): Urls => {
    const of = (target: Target): string =>
      way(nodes[where[target]]!, urlOf({ engine, url: serverUrl(target), namespace: namespace(target) }))
    return { blue: of('blue'), green: of('green'), journal: of('journal') }
  }
  await drop()
  for (const { server } of nodes) {
    if (!isPostgres) continue
    await runSql(engine, server.url, `CREATE DATABASE ${base} TEMPLATE template0`)
    await runSql(engine, withDatabase(server.url, base), 'CREATE SCHEMA blue', 'CREATE SCHEMA green')
  }
  if (!isPostgres)
    for (const target of ['blue', 'green', 'journal'] as const)
      await runSql(engine, serverUrl(target), `CREATE DATABASE ${namespace(target)}`)
  const stage: Stage = {
    engine,
    meta: isPostgres ? 'crossfade' : `${base}_meta`,
    direct: urlsBy((_, url) => url),
    crossfade: urlsBy(({ ways }, url) => through(ways.crossfade, url)),
    application: urlsBy(({ ways }, url) => through(ways.application, url)),
    nodeOf: (target) => nodes[where[target]]!,
    nodes,
    sql: (side, ...statements) =>
      isPostgres
        ? runSql(engine, serverUrl(side), `SET search_path = ${side}`, ...statements)
        : runSql(engine, urlOf({ engine, url: serverUrl(side), namespace: namespace(side) }), ...statements),
    drop,
  }
  await fill(stage, draw)
  return stage
}

async function fill(stage: Stage, { rows }: Draw): Promise<void> {
  {
    await using side = await openSide(stage.direct.blue, 'blue', stage.meta)
    await using session = await side.connect('torture')
    for (const statement of [...side.schema.createTables(blue), ...side.schema.createIndexes(blue)])
      await session.execute(statement)
  }
  const isPostgres = stage.engine === 'postgres'
  await stage.sql('blue', ...SHOP_ROWS.map((text) => (isPostgres ? text.replaceAll('\\\\', '\\') : text)))
  const more: string[] = []
  const insert = (into: string, count: number, row: (id: number) => string): void => {
    for (let from = 0; from < count; from += ROWS_PER_STATEMENT) {
      const length = Math.min(ROWS_PER_STATEMENT, count - from)
      more.push(
        `INSERT INTO ${into} VALUES ${Array.from({ length }, (_, index) => row(1000 + from + index)).join(', ')}`,
      )
    }
  }
  insert('orders (id, item_id, reference, state, cents)', rows, (id) => `(${id}, 1, 'seed-${id}', 'new', ${id})`)
  insert('old_orders (id, reference, state, cents)', Math.ceil(rows / 4), (id) => `(${id}, 'old-${id}', 'paid', 1)`)
  insert('items (id, shop_id, title, details)', Math.ceil(rows / 4), (id) => `(${id}, 1, 'item ${id}', '{"n": ${id}}')`)
  insert('services (id, item_ref, title)', Math.ceil(rows / 8), (id) => `(${id}, '${id}', 'service ${id}')`)
  insert('shops (id, name, city, active)', Math.ceil(rows / 8), (id) => `(${id}, 'shop ${id}', 'Ulm', TRUE)`)
  insert('prices (id, shop_id, amount, valid_from)', Math.ceil(rows / 8), (id) => `(${id}, ${id}, 1.50, '2024-01-01')`)
  insert(
    'staff_items (id, staff, item_id, rate)',
    Math.ceil(rows / 8),
    (id) => `(${id}, 'staff ${id % 20}', ${id}, ${id})`,
  )
  await stage.sql('blue', ...more)
  if (isPostgres)
    for (const [table, spec] of Object.entries(blue))
      if ('id' in spec.columns)
        await stage.sql('blue', `SELECT setval(pg_get_serial_sequence('blue.${table}', 'id'), 1000000)`)
}
