/** A primary with a replica that has every acknowledged write; who wins gets a new replica, for the next fault. */
import { Proxy } from '../torture/proxy.js'
import { startReplica, type Replica } from '../servers/replica.js'
import { startReplicated } from '../servers/replicated.js'
import { runSql, withDatabase } from '../servers/run-sql.js'
import type { Server } from '../servers/server.js'
import { makeSynchronous } from '../servers/synchronous.js'
import type { BenchEngine } from './place.js'

export interface FailoverStage extends AsyncDisposable {
  readonly primary: Server
  readonly replica: Replica
  /** Between the clients and the primary. Replication does not go through it. */
  readonly proxy: Proxy
  readonly primaryUrl: string
  readonly replicaUrl: string
  readIds(server: Server): Promise<Set<number>>
  /** The promoted replica becomes the primary, and gets a replica; the old primary is stopped. */
  renew(): Promise<void>
}

export async function openFailoverStage(engine: BenchEngine): Promise<FailoverStage> {
  const servers = await startReplicated({ engine, say: () => undefined })
  let primary = servers.primary
  let replica = servers.replicas[0]!
  const open: Server[] = []
  let proxy = await proxyOf(primary)
  await runSql(engine, servers.clientUrl(primary), 'CREATE TABLE written (id bigint PRIMARY KEY)')
  await makeSynchronous(primary, replica)
  return {
    get primary() {
      return primary
    },
    get replica() {
      return replica
    },
    get proxy() {
      return proxy
    },
    get primaryUrl() {
      const url = new URL(servers.clientUrl(primary))
      url.port = String(proxy.port)
      return url.href
    },
    get replicaUrl() {
      return servers.clientUrl(replica)
    },
    async readIds(server) {
      const rows = await runSql(engine, withDatabase(server.adminUrl, 'app'), 'SELECT id FROM written')
      return new Set(rows.map(({ id }) => Number(id)))
    },
    async renew() {
      await proxy[Symbol.asyncDispose]()
      await primary.stop()
      primary = replica
      proxy = await proxyOf(primary)
      replica = await startReplica(primary)
      open.push(replica)
      await makeSynchronous(primary, replica)
    },
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]()
      for (const server of open) await server.stop()
      await servers[Symbol.asyncDispose]()
    },
  }
}

function proxyOf({ url }: Server): Promise<Proxy> {
  const { hostname: host, port } = new URL(url)
  return Proxy.open({ host, port: Number(port) })
}
