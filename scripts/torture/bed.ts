/** Servers that may be killed, and a network in front of each for Crossfade and for the application. */
import { startServer, type Server, type ServerEngine } from '../servers/index.js'
import type { Scope } from './draw.js'
import { Proxy } from './proxy.js'

/** One server with two ways to it. */
export interface Node {
  readonly server: Server
  readonly ways: Readonly<Record<Exclude<Scope, 'both'>, Proxy>>
}

export interface Bed extends AsyncDisposable {
  readonly engine: ServerEngine
  /** The first so many servers; started when first asked for. */
  nodes(count: number): Promise<readonly Node[]>
  /** Ends all trouble and starts what does not run. */
  mend(): Promise<void>
}

/** A process that is killed must not lose what it acknowledged: with 0 InnoDB writes its log once a second only. */
const SETTINGS = {
  postgres: { shared_buffers: '64MB', max_connections: 200 },
  mariadb: { innodb_flush_log_at_trx_commit: 2, innodb_buffer_pool_size: '128M', max_connections: 200 },
  mysql: { innodb_flush_log_at_trx_commit: 2, innodb_buffer_pool_size: '128M', max_connections: 200 },
} as const

export function makeBed(engine: ServerEngine, say: (line: string) => void): Bed {
  const nodes: Node[] = []
  return {
    engine,
    async nodes(count) {
      while (nodes.length < count) nodes.push(await openNode(engine, say))
      return nodes.slice(0, count)
    },
    async mend() {
      for (const { server, ways } of nodes) {
        for (const proxy of Object.values(ways)) {
          proxy.setTrouble(undefined)
          proxy.cut()
        }
        if (server.pid === undefined) await server.restart()
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const { server, ways } of nodes) {
        for (const proxy of Object.values(ways)) await proxy[Symbol.asyncDispose]()
        await server.stop()
      }
    },
  }
}

async function openNode(engine: ServerEngine, say: (line: string) => void): Promise<Node> {
  const server = await startServer({ engine, settings: SETTINGS[engine], isOwn: true, say })
  const { hostname, port } = new URL(server.url)
  const open = (): Promise<Proxy> => Proxy.open({ host: hostname, port: Number(port) })
  return { server, ways: { crossfade: await open(), application: await open() } }
}

/** The URL of a server by way of a proxy. */
export function through(proxy: Proxy, url: string): string {
  const result = new URL(url)
  result.host = `127.0.0.1:${proxy.port}`
  return result.href
}
