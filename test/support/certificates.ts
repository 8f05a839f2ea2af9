/** Certificates for servers under test, made by the openssl program. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findUnprivilegedUser } from '../../scripts/servers/programs.ts'

export interface Certificates extends Disposable {
  /** PEM; each is its own authority. */
  readonly certificate: string
  readonly key: string
  readonly otherCertificate: string
}

/** One for the server, valid for `names`, and one by somebody else for the same names. */
export async function makeCertificates(names: readonly string[]): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), 'crossfade-tls-'))
  // The server may run as another user.
  chmodSync(folder, 0o755)
  const alternatives = `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`
  const make = (name: string) => {
    const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`].concat([
        '-addext',
        alternatives,
        '-keyout',
        files.key,
        '-out',
        files.certificate,
      ]),
      { stdio: 'pipe' },
    )
    chmodSync(files.key, 0o600)
    return files
  }
  const own = make('server')
  const other = make('other')
  const user = await findUnprivilegedUser()
  if (user !== undefined) chownSync(own.key, user.uid, user.gid)
  return {
    certificate: own.certificate,
    key: own.key,
    otherCertificate: other.certificate,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}
