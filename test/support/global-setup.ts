import { type Server, startServer, URL_VARIABLES } from '../../scripts/servers/index.ts'

/** Starts what is missing when vitest runs directly; under scripts/test.ts the URLs are already there. */
export default async (): Promise<() => Promise<void>> => {
  const started: Server[] = []
  for (const engine of ['postgres', 'mariadb'] as const) {
    const [variable] = URL_VARIABLES[engine]
    if (process.env[variable]) continue
    const server = await startServer({ engine })
    started.push(server)
    // Workers inherit the environment of this process.
    process.env[variable] = server.url
  }
  return async () => {
    await Promise.all(started.map((server) => server.stop()))
  }
}
