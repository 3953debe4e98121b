// envoy.data.accesslog.v3.TLSProperties, of what the engine tells.

import type { PeerCertificate, SecureFacts } from '../../net/index.ts';
import { WireWriter } from '../../xds/index.ts';

const versions: Readonly<Record<string, number>> = { TLSv1: 1, 'TLSv1.1': 2, 'TLSv1.2': 3, 'TLSv1.3': 4 };

/** IANA's numbers, by the names that OpenSSL has for them. */
const suites: Readonly<Record<string, number>> = {
  TLS_AES_128_GCM_SHA256: 0x1301,
  TLS_AES_256_GCM_SHA384: 0x1302,
  TLS_CHACHA20_POLY1305_SHA256: 0x1303,
  'ECDHE-ECDSA-AES128-GCM-SHA256': 0xc02b,
  'ECDHE-ECDSA-AES256-GCM-SHA384': 0xc02c,
  'ECDHE-RSA-AES128-GCM-SHA256': 0xc02f,
  'ECDHE-RSA-AES256-GCM-SHA384': 0xc030,
  'ECDHE-RSA-CHACHA20-POLY1305': 0xcca8,
  'ECDHE-ECDSA-CHACHA20-POLY1305': 0xcca9,
};

export function encodeTls({ cipher, local, peer, serverName, version }: SecureFacts): Uint8Array {
  const writer = new WireWriter(256);
  writer.uint(1, versions[version] ?? 0);
  const suite = suites[cipher];
  if (suite !== undefined) {
    const number = new WireWriter(8);
    number.uint(1, suite);
    writer.bytes(2, number.finish());
  }
  writer.string(3, serverName ?? '');
  if (local !== null) writer.bytes(4, encodeCertificate(local));
  if (peer !== null) writer.bytes(5, encodeCertificate(peer));
  return writer.finish();
}

/** CertificateProperties: 1 subject_alt_name (1 uri, 2 dns), 2 subject, 3 issuer. */
function encodeCertificate({ issuer, sans, subject }: PeerCertificate): Uint8Array {
  const writer = new WireWriter(256);
  for (const kind of ['uri', 'dns'] as const)
    for (const san of sans) {
      if (san.kind !== kind) continue;
      const name = new WireWriter(64);
      name.string(kind === 'uri' ? 1 : 2, san.value);
      writer.bytes(1, name.finish());
    }
  writer.string(2, subject);
  writer.string(3, issuer);
  return writer.finish();
}
