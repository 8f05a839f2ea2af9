/** TLS parameters of a MySQL or MariaDB URL: for the driver, and for the server's own programs. */
import { isIP } from 'node:net'
import type { SslOptions } from 'mysql2'
import { CrossfadeError } from '../errors.js'
import { isLoopback, readTlsFiles, refuseTlsMode, type Tls } from '../tls.js'

const PARAMETERS = ['ssl-mode', 'ssl', 'ssl-ca', 'ssl-cert', 'ssl-key']

/** Named as MySQL's own clients name them. `ssl=` is the older spelling, with `verify` for all there is. */
const MODES: Readonly<Record<string, Tls['verification']>> = {
  disabled: 'off',
  required: 'unverified',
  verify_ca: 'chain',
  verify_identity: 'full',
}
const OLD_MODES: Readonly<Record<string, string>> = {
  true: 'required',
  false: 'disabled',
  verify: 'verify_identity',
}

/** Undefined: the URL says nothing. @throws {CrossfadeError} URL_INVALID */
export function readMysqlTls(url: string): Tls | undefined {
  const { searchParams, hostname } = new URL(url)
  const old = searchParams.get('ssl')?.toLowerCase()
  const named = searchParams.get('ssl-mode')?.toLowerCase().replaceAll('-', '_')
  const caFile = searchParams.get('ssl-ca') ?? undefined
  // A named authority is a wish for verification.
  const told = named ?? (old === undefined ? undefined : (OLD_MODES[old] ?? old))
  const mode = told ?? (caFile === undefined ? undefined : 'verify_identity')
  if (mode === undefined) return undefined
  const verification = MODES[mode]
  if (verification === undefined) throw refuseTlsMode('ssl-mode', mode.toUpperCase(), Object.keys(MODES))
  // The driver would compare the certificate with the name "localhost" instead.
  if (verification === 'full' && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0)
    throw new CrossfadeError(
      'URL_INVALID',
      `the certificate of ${hostname} cannot be compared with an address; name the host as its certificate does`,
    )
  return {
    verification,
    caFile,
    certFile: searchParams.get('ssl-cert') ?? undefined,
    keyFile: searchParams.get('ssl-key') ?? undefined,
  }
}

/** The part of the driver's options that says how the connection is protected. @throws {CrossfadeError} URL_INVALID */
export function mysqlSsl(url: string): { readonly ssl?: SslOptions } {
  const tls = readMysqlTls(url)
  if (tls === undefined || tls.verification === 'off') return {}
  return {
    ssl: {
      ...readTlsFiles(tls),
      rejectUnauthorized: tls.verification !== 'unverified',
      verifyIdentity: tls.verification === 'full',
    },
  }
}

/** The URL without what {@link mysqlSsl} has read, in which the driver would see options of its own. */
export function withoutTlsParameters(url: string): string {
  const parsed = new URL(url)
  for (const name of PARAMETERS) parsed.searchParams.delete(name)
  return parsed.href
}

/** Lines of an option file for the client programs. MariaDB's know no chain without a name: they verify both. */
export function clientTlsLines(url: string, engine: 'mysql' | 'mariadb', quote: (text: string) => string): string[] {
  const tls = readMysqlTls(url)
  if (tls === undefined) return []
  const files = [
    ...(tls.caFile === undefined ? [] : [`ssl-ca=${quote(tls.caFile)}`]),
    ...(tls.certFile === undefined ? [] : [`ssl-cert=${quote(tls.certFile)}`]),
    ...(tls.keyFile === undefined ? [] : [`ssl-key=${quote(tls.keyFile)}`]),
  ]
  const isVerified = tls.verification === 'chain' || tls.verification === 'full'
  if (engine === 'mysql') {
    const modes = { off: 'DISABLED', unverified: 'REQUIRED', chain: 'VERIFY_CA', full: 'VERIFY_IDENTITY' } as const
    return [`ssl-mode=${modes[tls.verification]}`, ...files]
  }
  if (tls.verification === 'off') return ['skip-ssl']
  return ['ssl', isVerified ? 'ssl-verify-server-cert' : 'skip-ssl-verify-server-cert', ...files]
}

/** True where the connection leaves this machine. */
export function isMysqlRemote(url: string): boolean {
  const { hostname, searchParams } = new URL(url)
  return !searchParams.has('socket') && !isLoopback(hostname)
}
