/** TLS parameters of a PostgreSQL URL: for the driver, and for the server's own programs. */
import type { ClientConfig } from 'pg'
import { isLoopback, readTlsFiles, refuseTlsMode, type Tls } from '../tls.js'

const PARAMETERS = ['sslmode', 'ssl', 'sslrootcert', 'sslcert', 'sslkey', 'sslnegotiation']

/** `require` verifies all that `verify-full` does, as `pg` has it: a mode that a user takes for safe should be. */
const MODES: Readonly<Record<string, Tls['verification']>> = {
  disable: 'off',
  'no-verify': 'unverified',
  'verify-ca': 'chain',
  require: 'full',
  'verify-full': 'full',
}

/** `ssl=true` of older URLs. */
const OLD_MODES: Readonly<Record<string, string>> = {
  true: 'require',
  '1': 'require',
  false: 'disable',
  '0': 'disable',
}

/** Undefined: the URL (and PGSSLMODE, which the driver heeds too) says nothing. @throws {CrossfadeError} URL_INVALID */
export function readPostgresTls(url: string, env: NodeJS.ProcessEnv = process.env): Tls | undefined {
  const { searchParams } = new URL(url)
  const file = (name: string) => searchParams.get(name) ?? env[`PG${name.toUpperCase()}`]
  const old = searchParams.get('ssl')
  const named = searchParams.get('sslmode') ?? (old === null ? env['PGSSLMODE'] : (OLD_MODES[old] ?? old))
  // A named authority is a wish for verification.
  const mode = named ?? (searchParams.has('sslrootcert') ? 'verify-full' : undefined)
  if (mode === undefined) return undefined
  const verification = MODES[mode]
  if (verification === undefined) throw refuseTlsMode('sslmode', mode, Object.keys(MODES))
  const caFile = file('sslrootcert')
  return {
    verification,
    caFile: caFile === 'system' ? undefined : caFile,
    certFile: file('sslcert'),
    keyFile: file('sslkey'),
  }
}

/** The part of the driver's options that says how the connection is protected. @throws {CrossfadeError} URL_INVALID */
export function postgresSsl(url: string): Pick<ClientConfig, 'ssl'> {
  const tls = readPostgresTls(url)
  if (tls === undefined) return {}
  switch (tls.verification) {
    case 'off':
      return { ssl: false }
    case 'unverified':
      return { ssl: { ...readTlsFiles(tls), rejectUnauthorized: false } }
    case 'chain':
      return { ssl: { ...readTlsFiles(tls), rejectUnauthorized: true, checkServerIdentity: () => undefined } }
    case 'full':
      return { ssl: { ...readTlsFiles(tls), rejectUnauthorized: true } }
  }
}

/** Takes out what {@link postgresSsl} has read: what the driver finds in the URL is stronger than its options. */
export function deleteTlsParameters(url: URL): void {
  for (const name of PARAMETERS) url.searchParams.delete(name)
}

/** The same for libpq, whose words differ: its `require` verifies nothing. */
export function setLibpqTls(target: URL, url: string): void {
  const tls = readPostgresTls(url)
  if (tls === undefined) return
  const modes = { off: 'disable', unverified: 'require', chain: 'verify-ca', full: 'verify-full' } as const
  target.searchParams.set('sslmode', modes[tls.verification])
  // Without one libpq looks for a file in the home directory; `system` is known from version 16 on, older ones refuse to connect.
  if (tls.verification === 'full' || tls.caFile !== undefined)
    target.searchParams.set('sslrootcert', tls.caFile ?? 'system')
  if (tls.certFile !== undefined) target.searchParams.set('sslcert', tls.certFile)
  if (tls.keyFile !== undefined) target.searchParams.set('sslkey', tls.keyFile)
}

/** True where the connection leaves this machine. */
export function isPostgresRemote(url: string): boolean {
  const { hostname, searchParams } = new URL(url)
  const host = searchParams.get('host') ?? decodeURIComponent(hostname)
  return !host.startsWith('/') && !isLoopback(host)
}
