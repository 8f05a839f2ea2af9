import { startServer, URL_VARIABLES, type Server, type StartOptions } from '../../scripts/servers/index.ts'

/** A server of its own, which the tests of this file take for the one of its engine until it is disposed. */
export async function takeOwnServer(options: StartOptions): Promise<Server & AsyncDisposable> {
  const [variable] = URL_VARIABLES[options.engine]
  const shared = process.env[variable]!
  const server = await startServer({ ...options, isOwn: true, prefer: 'local', say: () => {} })
  process.env[variable] = server.url
  const end = async (): Promise<void> => {
    process.env[variable] = shared
    await server.stop()
  }
  return Object.assign(server, { [Symbol.asyncDispose]: end })
}
