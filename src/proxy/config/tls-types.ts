// TLS as the configuration asks for it: parameters, and where certificates and trust come from. What is read from
// there, again when it changes, is src/proxy/tls.

import type { TlsVersion } from '../../net/index.ts';
import type { PeerNameMatch } from '../../policy/index.ts';
import type { ResourceSource } from './source-types.ts';

/** PEM. */
export type TextSource =
  | { readonly kind: 'inline'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string }
  /** The authorities that the system trusts. */
  | { readonly kind: 'system' };

export interface CertificateConfig {
  readonly chain: TextSource;
  readonly key: TextSource;
  /** Of the key; null: it is not encrypted. */
  readonly password: TextSource | null;
}

export interface ValidationConfig {
  readonly trustedCa: TextSource | null;
  readonly crl: TextSource | null;
  readonly acceptsUntrusted: boolean;
  readonly names: readonly PeerNameMatch[];
  readonly certificateHashes: readonly string[];
  readonly keyHashes: readonly string[];
}

/** A secret comes by its name from SDS or from the bootstrap's own; `defaults` holds where the secret says nothing. */
export type SecretRef<T> =
  | { readonly kind: 'none' }
  | { readonly kind: 'value'; readonly value: T }
  /** In a file (secret-file.ts), read again when it changes. */
  | { readonly kind: 'file'; readonly name: string; readonly path: string; readonly defaults: T | null }
  | {
      readonly kind: 'named';
      readonly name: string;
      /** Null: the bootstrap's own. */
      readonly source: ResourceSource | null;
      readonly defaults: T | null;
    };

export interface TlsConfig {
  readonly certificate: SecretRef<CertificateConfig>;
  /** A server may have several, to be chosen from by what the client asks for. */
  readonly furtherCertificates: readonly SecretRef<CertificateConfig>[];
  readonly validation: SecretRef<ValidationConfig>;
  readonly alpn: readonly string[];
  readonly versionMin: TlsVersion | null;
  readonly versionMax: TlsVersion | null;
  readonly ciphers: readonly string[];
  readonly curves: readonly string[];
  readonly signatureAlgorithms: readonly string[];
}

export interface DownstreamTlsConfig extends TlsConfig {
  readonly side: 'server';
  readonly requireClientCertificate: boolean;
  readonly requireSni: boolean;
  readonly resumption: boolean;
  /** How long a session may be resumed; null: as long as the engine says. */
  readonly sessionSeconds: number | null;
  /** A name that no certificate has is treated as if the client had named none. */
  readonly scansAll: boolean;
}

export interface UpstreamTlsConfig extends TlsConfig {
  readonly side: 'client';
  /** '' sends none. */
  readonly sni: string;
  /** An endpoint's own name is sent in its place. */
  readonly sniIsHost: boolean;
  /** The name that is sent has to be in the certificate, whatever names the validation asks for. */
  readonly sniIsExpected: boolean;
  readonly sessionsMax: number;
}

export type SecretConfig =
  | { readonly kind: 'certificate'; readonly value: CertificateConfig }
  | { readonly kind: 'validation'; readonly value: ValidationConfig };
