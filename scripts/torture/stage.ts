/** Where a round takes place: databases of its own with data in blue. */
import { urlOf } from '../appointments/database/schema.js'
import { buildBlue } from '../appointments/generate.js'
import { runSql, withDatabase } from '../servers/run-sql.js'
import type { Side } from '../../src/engines/engine.js'
import { through, type Bed, type Node } from './bed.js'
import type { ServerEngine } from '../servers/server.js'
import type { Draw, Target } from './draw.js'
import { fillShop } from './shop-data.js'

export interface Urls {
  readonly blue: string
  readonly green: string
  readonly journal: string
}

export interface Stage {
  readonly engine: ServerEngine
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

/** As few as the generator makes sense of. */
const APPOINTMENTS = { rows: 2600, maxBlobBytes: 20_000 }

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
  if (draw.subject === 'shop') await fillShop(stage, draw.rows)
  else
    await buildBlue({ engine, url: serverUrl('blue'), namespace: namespace('blue'), seed: draw.round, ...APPOINTMENTS })
  return stage
}
