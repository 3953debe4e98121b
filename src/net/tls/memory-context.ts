// TLS contexts of the simulated network: real certificates, verified with real signatures, but nothing is encrypted.

import { createPrivateKey, X509Certificate } from 'node:crypto';
import { fail, ok, type Result } from '../../base/index.ts';
import { findKeyFault } from './key-fault.ts';
import { systemRoots, type TlsContext, type TlsContextOptions } from './types.ts';

export class MemoryTlsContext implements TlsContext {
  readonly options: TlsContextOptions;
  readonly chain: readonly X509Certificate[];
  private readonly trusted: readonly X509Certificate[];

  constructor(options: TlsContextOptions) {
    this.options = options;
    this.chain = readPem(options.certificateChain);
    this.trusted = options.trustedCa === systemRoots ? [] : readPem(options.trustedCa);
  }

  /** Null: it leads to a trusted authority now; else the real engine's code for what is wrong with it. */
  findFault(chain: readonly X509Certificate[], wallMs: number): string | null {
    const [leaf, ...others] = chain;
    if (leaf === undefined) return null;
    const seen = [leaf];
    for (let subject = leaf; ; ) {
      if (wallMs < subject.validFromDate.getTime()) return 'CERT_NOT_YET_VALID';
      if (wallMs > subject.validToDate.getTime()) return 'CERT_HAS_EXPIRED';
      if (this.trusted.some((root) => root.fingerprint256 === subject.fingerprint256)) return null;
      const issuer = [...this.trusted, ...others].find((candidate) => isIssuer(candidate, subject));
      if (issuer === undefined || seen.includes(issuer))
        return isIssuer(leaf, leaf) ? 'DEPTH_ZERO_SELF_SIGNED_CERT' : 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
      seen.push(issuer);
      subject = issuer;
    }
  }
}

export function createMemoryTlsContext(options: TlsContextOptions): Result<TlsContext, string> {
  const weak = findKeyFault(options.certificateChain);
  if (weak !== null) return fail(weak);
  if (options.crl !== null) return fail('the simulated network reads no CRL');
  try {
    const context = new MemoryTlsContext(options);
    const [leaf] = context.chain;
    if (
      leaf !== undefined &&
      !leaf.checkPrivateKey(
        createPrivateKey({ key: options.privateKey ?? '', passphrase: options.password ?? '' }),
      )
    )
      return fail('the private key does not belong to the certificate');
    return ok(context);
  } catch {
    return fail('no PEM block in a certificate, key or trusted authority');
  }
}

function isIssuer(issuer: X509Certificate, subject: X509Certificate): boolean {
  return subject.issuer === issuer.subject && subject.verify(issuer.publicKey);
}

function readPem(text: string | null): X509Certificate[] {
  if (text === null) return [];
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
  if (blocks === null) throw new Error('no certificate');
  return blocks.map((block) => new X509Certificate(block));
}
