// A peer's certificate from its DER form, hashes and PEM made when somebody asks.

import { createHash } from 'node:crypto';
import { type Certificate, parseCertificate, type San } from '../../wire/x509/index.ts';
import type { PeerCertificate } from './types.ts';

/** Null for what cannot be parsed. */
export function createPeerCertificate(der: Uint8Array): PeerCertificate | null {
  const parsed = parseCertificate(der);
  return parsed === null ? null : new ParsedPeer(der, parsed);
}

/** The first of a chain in PEM; null for what is none. */
export function createLeaf(chain: string | null): PeerCertificate | null {
  const body = /-----BEGIN CERTIFICATE-----([^-]+)-----END/.exec(chain ?? '')?.[1];
  return body === undefined ? null : createPeerCertificate(Buffer.from(body, 'base64'));
}

class ParsedPeer implements PeerCertificate {
  private readonly der: Uint8Array;
  private readonly parsed: Certificate;

  constructor(der: Uint8Array, parsed: Certificate) {
    this.der = der;
    this.parsed = parsed;
  }

  get subject(): string {
    return this.parsed.subject;
  }
  get issuer(): string {
    return this.parsed.issuer;
  }
  get serialNumber(): string {
    return this.parsed.serialNumber;
  }
  get sans(): readonly San[] {
    return this.parsed.sans;
  }
  get notBeforeMs(): number {
    return this.parsed.notBeforeMs;
  }
  get notAfterMs(): number {
    return this.parsed.notAfterMs;
  }
  get sha256(): string {
    return createHash('sha256').update(this.der).digest('hex');
  }
  get spkiSha256(): string {
    return createHash('sha256').update(this.parsed.publicKeyInfo).digest('base64');
  }
  get pem(): string {
    const lines =
      Buffer.from(this.der)
        .toString('base64')
        .match(/.{1,64}/g) ?? [];
    return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
  }
}
