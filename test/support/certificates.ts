/** Certificates for servers under test. Node.js reads certificates but makes none, so their few fields are written here. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findUnprivilegedUser } from '../../scripts/servers/programs.ts'

export interface Certificates extends Disposable {
  /** PEM files; each certificate is its own authority. */
  readonly certificate: string
  readonly key: string
  readonly otherCertificate: string
}

/** One for the server, valid for `names`, and one by somebody else for the same names. */
export async function makeCertificates(names: readonly string[]): Promise<Certificates> {
  const folder = mkdtempSync(join(tmpdir(), 'crossfade-tls-'))
  // The server may run as another user.
  chmodSync(folder, 0o755)
  const make = (name: string) => {
    const files = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) }
    const { certificate, key } = selfSigned(name, names)
    writeFileSync(files.certificate, certificate)
    writeFileSync(files.key, key, { mode: 0o600 })
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

const DAY_MS = 86_400_000

/** X.509 version 3 in DER, signed by its own key (RFC 5280, section 4.1). */
function selfSigned(subject: string, names: readonly string[]): { certificate: string; key: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const algorithm = sequence(objectId('2a8648ce3d040302')) // ecdsa-with-SHA256
  const name = sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from(subject))))) // CN
  const alternatives = sequence(...names.map((text) => der(0x82, Buffer.from(text))))
  const extensions = sequence(
    sequence(objectId('551d11'), der(0x04, alternatives)), // subjectAltName
    sequence(objectId('551d13'), der(0x04, sequence(der(0x01, Buffer.of(0xff))))), // basicConstraints: an authority
  )
  const content = sequence(
    der(0xa0, der(0x02, Buffer.of(2))),
    der(0x02, Buffer.concat([Buffer.of(1), randomBytes(8)])),
    algorithm,
    name,
    sequence(utcTime(Date.now() - DAY_MS), utcTime(Date.now() + DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  )
  const signature = der(0x03, Buffer.concat([Buffer.of(0), sign('sha256', content, privateKey)]))
  const base64 = sequence(content, algorithm, signature).toString('base64').replaceAll(/.{64}/g, '$&\n')
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${base64.trim()}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  }
}

/** Tag, length, content. */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content
  if (length < 0x80) return Buffer.concat([Buffer.of(tag, length), content])
  // The shortest form is the only valid one.
  const size = length < 0x100 ? Buffer.of(0x81, length) : Buffer.of(0x82, length >> 8, length & 0xff)
  return Buffer.concat([Buffer.of(tag), size, content])
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts))
const objectId = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'))

/** `YYMMDDHHMMSSZ` */
const utcTime = (ms: number): Buffer =>
  der(0x17, Buffer.from(`${new Date(ms).toISOString().replaceAll(/[-:T]/g, '').slice(2, 14)}Z`))
