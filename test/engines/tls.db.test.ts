/**
 * Whoever cannot show the certificate of the server gets no login: every kind of connection refuses it. The servers are started here,
 * with a certificate for `db.test`; that name and `other.test` are resolved to this machine for the time of the test.
 */
import dns from 'node:dns'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startServer, type Server } from '../../scripts/servers/index.ts'
import { openGateClient, type ClientReport } from '../../src/engines/gate-board.ts'
import { openSide } from '../../src/engines/open-side.ts'
import {
  findProgram as findMysqlProgram,
  runProgram as runMysqlProgram,
} from '../../src/engines/mysql/dump-programs.ts'
import { findProgram, runProgram } from '../../src/engines/postgres/dump-programs.ts'
import { openJournal } from '../../src/journal/open-journal.ts'
import { createPool } from '../../src/pool/index.ts'
import { makeCertificates, type Certificates } from '../support/certificates.ts'
import { runSql } from '../support/servers.ts'

/** Both are this machine; only the first is a name of the certificate. */
const NAMES = ['db.test', 'other.test']

const PARAMETERS = {
  postgres: {
    verified: 'sslmode=verify-full',
    chain: 'sslmode=verify-ca',
    ca: 'sslrootcert',
    any: 'sslmode=no-verify',
  },
  mariadb: {
    verified: 'ssl-mode=VERIFY_IDENTITY',
    chain: 'ssl-mode=VERIFY_CA',
    ca: 'ssl-ca',
    any: 'ssl-mode=REQUIRED',
  },
} as const

/** Where a name leads to instead. */
const addresses: Record<string, string> = {}

type Engine = keyof typeof PARAMETERS

const report = (): ClientReport => ({
  state: 'open',
  holdId: undefined,
  epoch: 1,
  inFlight: 0,
  readyFor: undefined,
  lastHoldMs: undefined,
  oldestAgeMs: undefined,
  oldestSql: undefined,
})

/** Opens one connection of the kind and closes it. */
const KINDS: Readonly<Record<string, (url: string) => Promise<unknown>>> = {
  async session(url) {
    await using side = await openSide(url, 'blue', 'crossfade')
    await using session = await side.connect('test')
    expect(session).toBeDefined()
  },
  async journal(url) {
    const journal = await openJournal({ url, metaNamespace: 'crossfade', plan: 'none' })
    await journal.close()
  },
  async pool(url) {
    const pool = createPool({ url, min: 0, max: 1, acquireTimeoutMs: 3_000 })
    try {
      await pool.query('SELECT 1')
    } finally {
      await pool.end()
    }
  },
  async 'gate board'(url) {
    const client = await openGateClient(url)
    try {
      await client.register({ id: 'a', name: 'a', host: 'a', pid: 1 }, report)
    } finally {
      await client.unregister()
    }
  },
}

/** All messages on the way to the cause. */
function story(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(story).join('; ')
  if (!(error instanceof Error)) return String(error)
  return `${error.message}; ${error.cause === undefined ? '' : story(error.cause)}`
}

const refusal = (connecting: Promise<unknown>): Promise<string> => connecting.then(() => 'connected', story)

describe.each(['postgres', 'mariadb'] as const)('TLS (%s)', (engine: Engine) => {
  let certificates: Certificates
  let server: Server
  const words = PARAMETERS[engine]

  beforeAll(async () => {
    certificates = await makeCertificates(['db.test', 'localhost'])
    const { certificate, key } = certificates
    server = await startServer({
      engine,
      isOwn: true,
      prefer: 'local',
      say: () => undefined,
      settings:
        engine === 'postgres'
          ? { ssl: 'on', ssl_cert_file: certificate, ssl_key_file: key }
          : { ssl_cert: certificate, ssl_key: key, ssl_ca: certificate },
    })
    if (engine === 'mariadb') await runSql(engine, server.url, 'CREATE DATABASE app')
    const lookup = dns.lookup.bind(dns) as (...all: unknown[]) => void
    vi.spyOn(dns, 'lookup').mockImplementation(((name: string, ...rest: unknown[]) =>
      lookup(NAMES.includes(name) ? (addresses[name] ?? '127.0.0.1') : name, ...rest)) as typeof dns.lookup)
  })

  afterAll(async () => {
    vi.restoreAllMocks()
    await server.stop()
    certificates[Symbol.dispose]()
  })

  const urlOf = (host: string, mode: string, ca?: string): string => {
    const url = new URL(server.url)
    url.hostname = host
    if (engine === 'mariadb') url.pathname = '/app'
    return `${url.href}?${mode}${ca === undefined ? '' : `&${words.ca}=${encodeURIComponent(ca)}`}`
  }

  for (const [kind, connect] of Object.entries(KINDS)) {
    test(`a ${kind} connects to the server of its certificate`, async () => {
      await connect(urlOf('db.test', words.verified, certificates.certificate))
      await connect(urlOf('other.test', words.chain, certificates.certificate))
      await connect(urlOf('other.test', words.any))
    })

    test(`a ${kind} refuses another certificate, another name and an authority it does not know`, async () => {
      const { certificate, otherCertificate } = certificates
      // The pool tries again until its time is over, so all at once.
      const stories = await Promise.all([
        refusal(connect(urlOf('db.test', words.verified, otherCertificate))),
        refusal(connect(urlOf('db.test', words.chain, otherCertificate))),
        refusal(connect(urlOf('db.test', words.verified))),
        refusal(connect(urlOf('other.test', words.verified, certificate))),
      ])
      for (const unknown of stories.slice(0, 3)) expect(unknown).toMatch(/self.signed/)
      expect(stories[3]).toMatch(/other\.test/)
    })
  }

  test('a connection that asked for TLS has it', async () => {
    const pool = createPool({ url: urlOf('db.test', words.verified, certificates.certificate), min: 0, max: 1 })
    const question =
      engine === 'postgres'
        ? `SELECT CASE WHEN ssl THEN version ELSE '' END AS how FROM pg_stat_ssl WHERE pid = pg_backend_pid()`
        : `SELECT variable_value AS how FROM information_schema.session_status WHERE variable_name = 'Ssl_version'`
    const { rows } = await pool.query(question)
    await pool.end()
    expect(String(rows[0]?.['how'])).toMatch(/^TLSv1\.[23]$/)
  })

  test('a statement that is to stop is stopped where it runs, whatever the name of its host leads to by then', async () => {
    const pool = createPool({ url: urlOf('db.test', words.verified, certificates.certificate), min: 0, max: 1 })
    const idOf = engine === 'postgres' ? 'pg_backend_pid()' : 'CONNECTION_ID()'
    const { rows } = await pool.query<{ id: unknown }>(`SELECT ${idOf} AS id`)
    const id = Number(rows[0]!.id)
    const isRunning = async (): Promise<boolean> => {
      const sql =
        engine === 'postgres'
          ? `SELECT 1 FROM pg_stat_activity WHERE pid = ${id} AND state = 'active'`
          : `SELECT 1 FROM information_schema.processlist WHERE id = ${id} AND command = 'Query'`
      return (await runSql(engine, server.url, sql)).length > 0
    }
    const stop = new AbortController()
    const asleep = pool
      .query(engine === 'postgres' ? 'SELECT pg_sleep(600)' : 'SELECT SLEEP(600)', [], { signal: stop.signal })
      .catch((error: unknown) => error)
    while (!(await isRunning())) await delay(10)
    const { port } = new URL(server.url)
    let strangers = 0
    const elsewhere = createServer((socket) => {
      strangers += 1
      socket.destroy()
    })
    await new Promise<void>((resolve) => {
      elsewhere.listen(Number(port), '127.0.0.2', resolve)
    })
    addresses['db.test'] = '127.0.0.2'
    try {
      stop.abort(new Error('enough'))
      expect(await asleep).toMatchObject({ message: 'enough' })
      while (await isRunning()) await delay(10)
      expect(strangers).toBe(0)
    } finally {
      delete addresses['db.test']
      await pool.end()
      elsewhere.close()
    }
  })

  test('the dump programs verify as the driver does', async () => {
    const { certificate, otherCertificate } = certificates
    const { signal } = new AbortController()
    const dump = async (ca: string): Promise<unknown> => {
      const url = urlOf('localhost', words.verified, ca)
      if (engine === 'postgres') {
        const program = await findProgram('pg_dump', 10)
        if ('reason' in program) throw new Error(program.reason)
        return runProgram(program.path, url, ['--schema-only'], signal)
      }
      const program = await findMysqlProgram(['mariadb-dump'], engine, '10.6')
      if ('reason' in program) throw new Error(program.reason)
      return runMysqlProgram(program.path, url, ['app'], { engine, output: '/dev/null', signal })
    }
    expect(await refusal(dump(certificate))).not.toMatch(/certificate|TLS/i)
    expect(await refusal(dump(otherCertificate))).toMatch(/certificate|TLS/i)
  })
})

test('a mode that leaves it to the network is refused before any server is asked', async () => {
  for (const url of [
    'postgres://a@127.0.0.1:1/a?sslmode=prefer',
    'mysql://a@127.0.0.1:1/a?ssl-mode=PREFERRED',
    'mysql://a@127.0.0.1:1/a?ssl=whatever',
  ])
    await expect(openSide(url, 'blue', 'crossfade')).rejects.toMatchObject({ code: 'URL_INVALID' })
  const byAddress = openSide('mysql://a@127.0.0.1:1/a?ssl-mode=VERIFY_IDENTITY', 'blue', 'crossfade')
  await expect(byAddress).rejects.toThrow(/name the host/)
})
