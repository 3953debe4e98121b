// TLS contexts of Bun's engine (BoringSSL). One is built once per configuration, in about 3 ms; the module that builds
// them is loaded with the first one, because it costs 7 MB that a proxy without TLS need not pay.

import type { SecureContextOptions } from 'node:tls';
import { fail, ok, type Result } from '../../base/index.ts';
import { findKeyFault } from './key-fault.ts';
import { createLeaf } from './peer-certificate.ts';
import { type PeerCertificate, systemRoots, type TlsContext, type TlsContextOptions } from './types.ts';

/** What Bun's `tls` options take as `secureContext`; opaque. */
type NativeContext = object;

export class BunTlsContext implements TlsContext {
  readonly options: TlsContextOptions;
  readonly native: NativeContext;
  /** What it shows to peers. */
  readonly leaf: PeerCertificate | null;

  constructor(options: TlsContextOptions, native: NativeContext) {
    this.options = options;
    this.native = native;
    this.leaf = createLeaf(options.certificateChain);
  }
}

/** The message of a fault is the engine's and names the parameter where it does. */
export function createBunTlsContext(options: TlsContextOptions): Result<TlsContext, string> {
  // First: the engine takes short keys, and has no words for curves that it does not know.
  const weak = findKeyFault(options.certificateChain);
  if (weak !== null) return fail(weak);
  const tls = process.getBuiltinModule('node:tls');
  const asks = options.peer !== 'ignored';
  const settings = {
    ...given('cert', options.certificateChain),
    ...given('key', options.privateKey),
    ...given('passphrase', options.password),
    ...(options.trustedCa === systemRoots
      ? { ca: [...tls.getCACertificates('system')] }
      : given('ca', options.trustedCa)),
    ...given('crl', options.crl),
    ...given('minVersion', options.versionMin),
    ...given('maxVersion', options.versionMax),
    ...given('ciphers', options.ciphers),
    ...given('ecdhCurve', options.curves),
    ...given('sigalgs', options.signatureAlgorithms),
    ...(options.sessionSeconds === null ? {} : { sessionTimeout: options.sessionSeconds }),
    ...(options.side === 'server' && asks
      ? // The engine itself refuses a client without a certificate, and tells it so by an alert; all else the judge
        // decides.
        { requestCert: true, rejectUnauthorized: options.peer === 'required' }
      : {}),
    secureOptions: (options.side === 'server' ? serverPreference : 0) | (options.resumption ? 0 : noTickets),
  };
  try {
    const made = tls.createSecureContext(settings as SecureContextOptions) as { context: NativeContext };
    return ok(new BunTlsContext(options, made.context));
  } catch (cause) {
    return fail(describe(cause));
  }
}

/** SSL_OP_CIPHER_SERVER_PREFERENCE. */
const serverPreference = 0x400000;
/** SSL_OP_NO_TICKET. */
const noTickets = 0x4000;

function given(name: string, value: string | null): Record<string, string> {
  return value === null ? {} : { [name]: value };
}

const noPem = 'no PEM block in a certificate, key or trusted authority';
const reasons: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'the private key does not belong to the certificate',
  ERR_OSSL_PEM_NO_START_LINE: noPem,
  ERR_SSL_NO_CIPHER_MATCH: 'no cipher of the list is known',
  ERR_SSL_INVALID_SIGNATURE_ALGORITHM: 'a signature algorithm of the list is not known',
  ERR_OSSL_BAD_DECRYPT: 'the password does not open the private key',
  ERR_OSSL_PEM_BAD_PASSWORD_READ: 'the private key is encrypted, and no password is given',
};

function describe(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const message = cause instanceof Error ? cause.message : String(cause);
  return reasons[code] ?? (message === 'Invalid CA' ? noPem : message);
}
