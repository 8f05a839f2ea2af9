/** What `crossfade/pool` loads into an application: the driver that it uses, and nothing that it does not. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { moduleOf } from '../support/program.ts'
import { createDatabase, describeEachEngine, runSql } from '../support/servers.ts'
import { until } from './support.ts'

/** Prints the address of each module that was loaded by `import` or `require` while `body` ran. */
const listing = (body: string): string => `
  import { createRequire, register } from 'node:module'
  import { pathToFileURL } from 'node:url'
  const hook = \`import { writeSync } from 'node:fs'
    export async function load(url, context, next) {
      writeSync(1, url + '\\\\n')
      return next(url, context)
    }\`
  register('data:text/javascript,' + encodeURIComponent(hook))
  ${body}
  for (const file of Object.keys(createRequire(import.meta.url).cache)) console.log(pathToFileURL(file).href)`

/** The packages of `node_modules` that a program loads. */
async function packagesOf(name: string, body: (url: string) => string): Promise<Set<string>> {
  const { flags, url } = moduleOf(name)
  const args = [...flags, '--input-type=module', '--eval', listing(body(url))]
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 64 * 1024 * 1024 })
  const places = stdout.split('\n').map((line) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(line)?.[1])
  expect(stdout).toContain(url)
  return new Set(places.filter((place) => place !== undefined))
}

/** Those of other entries, of the orchestrator, and of pools with replicas. */
const NOT_NEEDED = ['knex', 'prom-client', '@opentelemetry/api', 'libpg-query', 'xstate', 'commander', 'jiti', 'pino']

test('importing crossfade/pool loads no driver, no knex and no library of metrics; crossfade/pool/knex does load knex', async () => {
  const packages = await packagesOf('pool/index', (url) => `await import(${JSON.stringify(url)})`)
  expect([...NOT_NEEDED, 'pg', 'mysql2'].filter((name) => packages.has(name))).toEqual([])
  const withKnex = await packagesOf('pool/knex', (url) => `await import(${JSON.stringify(url)})`)
  expect(withKnex.has('knex')).toBe(true)
  expect(['prom-client', '@opentelemetry/api'].filter((name) => withKnex.has(name))).toEqual([])
})

describeEachEngine('a pool that works', (engine) => {
  test('loads the driver of its engine alone, and its process ends by itself', async () => {
    await using database = await createDatabase(engine)
    const packages = await packagesOf(
      'pool/index',
      (url) => `
        const { createPool } = await import(${JSON.stringify(url)})
        const pool = createPool({ url: ${JSON.stringify(database.url)}, min: 1, max: 2, acquireTimeoutMs: 60_000 })
        await pool.query('SELECT 1 AS one')
        await pool.end()`,
    )
    const [driver, other] = engine === 'postgres' ? ['pg', 'mysql2'] : ['mysql2', 'pg']
    expect(packages.has(driver)).toBe(true)
    expect([...NOT_NEEDED, other].filter((name) => packages.has(name))).toEqual([])

    const sessions =
      engine === 'postgres'
        ? 'SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()'
        : 'SELECT count(*) AS n FROM information_schema.processlist WHERE db = database() AND id <> connection_id()'
    await until(async () => Number((await runSql(engine, database.url, sessions))[0]!['n']) === 0)
  })
})
