// What the sender of a header says of the TLS it ended: the SSL TLV and what is nested in it (section 2.2.5).

import { type Tlv, tlvTypes } from './types.ts';

export interface ProxyTlsFacts {
  /** The client connected over TLS. */
  readonly tls: boolean;
  /** It showed a certificate in this connection or its session. */
  readonly certificate: boolean;
  /** And the sender verified it. */
  readonly verified: boolean;
  readonly version: string | null;
  readonly commonName: string | null;
  readonly cipher: string | null;
}

const flagTls = 1;
const flagCertificateInConnection = 2;
const flagCertificateInSession = 4;
const fixed = 5;
const text = new TextDecoder();

/** Null when there is no SSL TLV, or one that breaks the format: it then says nothing. */
export function readProxyTlsFacts(tlvs: readonly Tlv[]): ProxyTlsFacts | null {
  const value = tlvs.find(({ type }) => type === tlvTypes.ssl)?.value;
  if (value === undefined || value.length < fixed) return null;
  const flags = value[0] ?? 0;
  const certificate = (flags & (flagCertificateInConnection | flagCertificateInSession)) !== 0;
  const parts = new Map<number, string>();
  for (let at = fixed; at < value.length; ) {
    const end = at + 3 + (((value[at + 1] ?? 0) << 8) | (value[at + 2] ?? 0));
    if (at + 3 > value.length || end > value.length) return null;
    parts.set(value[at] ?? 0, text.decode(value.subarray(at + 3, end)));
    at = end;
  }
  return {
    tls: (flags & flagTls) !== 0,
    certificate,
    verified: certificate && value.subarray(1, fixed).every((byte) => byte === 0),
    version: parts.get(tlvTypes.sslVersion) ?? null,
    commonName: parts.get(tlvTypes.sslCommonName) ?? null,
    cipher: parts.get(tlvTypes.sslCipher) ?? null,
  };
}
