// Who may be at the other end of a TLS connection: the rule that a validation context (Envoy's
// CertificateValidationContext) comes down to, and what of a certificate it looks at.

import type { StringMatch } from '../route/index.ts';

export type PeerNameKind = 'dns' | 'uri' | 'ip' | 'email';

export type PeerName =
  | { readonly kind: PeerNameKind; readonly value: string }
  /** An other name (RFC 5280 section 4.2.1.6): of a kind that has but a number. */
  | { readonly kind: 'other'; readonly oid: string; readonly value: string };

/** What of a certificate is judged. */
export interface PeerFacts {
  readonly sans: readonly PeerName[];
  /** SHA-256 of the certificate, hexadecimal. */
  readonly sha256: string;
  /** SHA-256 of its public key's info, base64. */
  readonly spkiSha256: string;
}

/** `kind` null: names of every kind but other ones. */
export type PeerNameMatch =
  | { readonly kind: PeerNameKind | null; readonly match: StringMatch }
  | { readonly kind: 'other'; readonly oid: string; readonly match: StringMatch };

export interface PeerRuleConfig {
  /** False: the peer may show no certificate, unless it has to be a certain one. */
  readonly required: boolean;
  /** False: there is nothing that a chain could be verified against, so none is. */
  readonly verifiesChain: boolean;
  /** Whatever certificate is shown is accepted, of any chain, name and key: it is known, and proves nothing. */
  readonly acceptsUntrusted: boolean;
  /** One of these must match one of the certificate's names; empty: any name does. */
  readonly names: readonly PeerNameMatch[];
  /** The certificate or its key must be one of these; empty: any. Hexadecimal without colons; base64. */
  readonly certificateHashes: readonly string[];
  readonly keyHashes: readonly string[];
}

export interface PeerRefusal {
  readonly reason: 'no-certificate' | 'chain' | 'san' | 'hash';
  readonly message: string;
}
