// The ciphers of TLS 1.2 and older: Envoy's default, and what of a list matters before the engine sees it.

import type { ClientHello } from '../../wire/tls-sniff/index.ts';
import type { DownstreamTlsConfig } from '../config/tls-types.ts';

/** Envoy's own: forward secrecy and authenticated encryption alone; between those in brackets the client chooses. */
export const defaultCiphers: readonly string[] = [
  '[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]',
  '[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
];

const ecdsaSuites: Readonly<Record<string, number>> = {
  'ECDHE-ECDSA-AES128-SHA': 0xc009,
  'ECDHE-ECDSA-AES256-SHA': 0xc00a,
  'ECDHE-ECDSA-AES128-SHA256': 0xc023,
  'ECDHE-ECDSA-AES128-GCM-SHA256': 0xc02b,
  'ECDHE-ECDSA-AES256-GCM-SHA384': 0xc02c,
  'ECDHE-ECDSA-CHACHA20-POLY1305': 0xcca9,
};

export class ServerParameters {
  private readonly modern: boolean;
  private readonly suites: ReadonlySet<number>;

  constructor({ ciphers, versionMax }: DownstreamTlsConfig) {
    this.modern = versionMax === null || versionMax === 'TLSv1.3';
    const names = (ciphers.length === 0 ? defaultCiphers : ciphers).flatMap((name) => name.split(/[[\]|:]/));
    this.suites = new Set(names.flatMap((name) => ecdsaSuites[name] ?? []));
  }

  /** Whether an ECDSA key would find a suite with this client; from 1.3 on suites say nothing of keys. */
  speaksEcdsa({ versions, offer }: ClientHello): boolean {
    if (this.modern && versions.includes('TLSv1.3')) return true;
    return offer.suites.some((suite) => this.suites.has(suite));
  }
}
