import { type ServerEngine, startServer } from '../../scripts/servers/index.ts'

// A program for servers.test.ts, which kills it: starts one server, prints where it is, and waits for ever.
const server = await startServer({ engine: process.argv[2] as ServerEngine, say: () => {} })
console.log(JSON.stringify({ pid: server.pid, dataDir: server.dataDir, url: server.url }))
setInterval(() => {}, 60_000)
