/** How a connection is protected, as the URL of a side says it. The engines read their own parameters into it. */
import { readFileSync } from 'node:fs'
import type { Finding } from './engine.js'
import { CrossfadeError } from './errors.js'

export interface Tls {
  /** `full`: chain and host name of the certificate; `chain`: the chain only; `unverified`: encrypted, to whoever answers. */
  readonly verification: 'off' | 'unverified' | 'chain' | 'full'
  /** PEM files. Without `caFile` the authorities that Node.js knows are trusted. */
  readonly caFile?: string | undefined
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** What `tls.connect` and both drivers call them. */
export interface TlsFiles {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** Read for each connection, so that a renewed certificate needs no restart. @throws {CrossfadeError} URL_INVALID */
export function readTlsFiles({ caFile, certFile, keyFile }: Tls): TlsFiles {
  return {
    ...(caFile === undefined ? {} : { ca: readPem(caFile) }),
    ...(certFile === undefined ? {} : { cert: readPem(certFile) }),
    ...(keyFile === undefined ? {} : { key: readPem(keyFile) }),
  }
}

/** A mode that the network could talk down, or one that nobody knows, must not look like protection. */
export function refuseTlsMode(parameter: string, mode: string, known: readonly string[]): CrossfadeError {
  return new CrossfadeError('URL_INVALID', `${parameter}=${mode} is not accepted; use one of ${known.join(', ')}`)
}

/** For `check`: what is wrong with a connection that leaves the machine; undefined where nothing is. */
export function tlsWarning(side: string, tls: Tls | undefined, parameter: string): Finding | undefined {
  const isVerified = tls?.verification === 'full' || tls?.verification === 'chain'
  if (isVerified) return undefined
  const isPlain = tls === undefined || tls.verification === 'off'
  return {
    code: isPlain ? 'unencrypted' : 'unverified-server',
    severity: 'warning',
    message: isPlain
      ? `the URL of ${side} asks for no TLS: rows and statements can be read on their way`
      : `the URL of ${side} takes any certificate: whoever answers gets the login and the rows`,
    hint: `Add ${parameter} to the URL.`,
  }
}

/** True where nobody can listen in: the server is on this machine. */
export function isLoopback(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, '')
  return name === '' || name === 'localhost' || name === '::1' || /^127(?:\.\d{1,3}){3}$/.test(name)
}

function readPem(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CrossfadeError('URL_INVALID', `a certificate or key of the URL cannot be read: ${reason}`, { cause })
  }
}
